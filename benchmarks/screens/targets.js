// Every element that a person can act on, visible and on top, with its box in CSS pixels.
() => {
  const wanted =
    "a[href], button, input:not([type=hidden]), select, textarea, summary, label[for], " +
    "[onclick], [role=button], [role=link], [role=tab], [role=menuitem], [role=checkbox], " +
    "[role=radio], [role=option], [role=switch], [role=combobox], [role=textbox], " +
    "[contenteditable=true], [tabindex]:not([tabindex='-1'])";
  const page = innerWidth * innerHeight;
  const found = [];
  for (const element of document.querySelectorAll(wanted)) {
    const style = getComputedStyle(element);
    if (style.visibility === "hidden" || style.opacity === "0") continue;
    // A link that wraps lines is clicked on its longest piece.
    const rects = [...element.getClientRects()].sort((a, b) => b.width * b.height - a.width * a.height);
    if (!rects.length) continue;
    const left = Math.max(rects[0].left, 0), top = Math.max(rects[0].top, 0);
    const right = Math.min(rects[0].right, innerWidth), bottom = Math.min(rects[0].bottom, innerHeight);
    const width = right - left, height = bottom - top;
    if (width < 8 || height < 8 || width * height > 0.4 * page) continue;
    let hits = 0;
    for (const [x, y] of [[0.5, 0.5], [0.2, 0.5], [0.8, 0.5], [0.5, 0.2], [0.5, 0.8]]) {
      const top_element = document.elementFromPoint(left + x * width, top + y * height);
      if (top_element && (top_element === element || element.contains(top_element))) hits += 1;
    }
    if (hits < 3) continue;
    const text = (element.innerText || element.value || element.placeholder || element.title || "").trim();
    found.push({
      element,
      box: [left, top, right, bottom],
      text: text.slice(0, 200),
      role: element.getAttribute("role") || element.type || element.tagName.toLowerCase(),
    });
  }
  // A link around a button is one target, and so is a box that another fills: the inner one counts.
  const same = (a, b) => {
    const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), h = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
    const area = (r) => (r[2] - r[0]) * (r[3] - r[1]);
    return w > 0 && h > 0 && w * h > 0.8 * Math.max(area(a), area(b));
  };
  return found
    .filter((one, i) => !found.some((other, j) => j > i && same(one.box, other.box)))
    .map(({ element, ...target }) => target);
}
