// Everything in this document that is drawn as text and on screen: [text, boxes of its lines].
() => {
  const found = [];
  const on = (r) => r.width > 0 && r.height > 0 && r.right > 0 && r.bottom > 0 && r.left < innerWidth && r.top < innerHeight;
  const add = (text, rects) => {
    const boxes = [...rects].filter(on).map((r) => [r.left, r.top, r.right, r.bottom]);
    if (boxes.length) found.push([text, boxes]);
  };
  const range = document.createRange();
  const walk = (root) => {
    for (const node of root.childNodes) {
      if (node.nodeType === Node.TEXT_NODE && node.data.trim()) {
        range.selectNodeContents(node);
        add(node.data, range.getClientRects());
      } else if (node.nodeType === Node.ELEMENT_NODE) {
        if (["input", "textarea", "select"].includes(node.localName)) {
          const chosen = node.localName === "select" ? [...node.selectedOptions].map((o) => o.label) : [];
          add([node.value, node.placeholder ?? "", ...chosen].join("\n"), [node.getBoundingClientRect()]);
        } else if (!["script", "style", "noscript", "template"].includes(node.localName)) {
          if (node.shadowRoot) walk(node.shadowRoot);
          walk(node);
        }
      }
    }
  };
  if (document.documentElement) walk(document.documentElement);
  return found;
}
