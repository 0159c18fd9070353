() => {
  // Colours that fade have faded.
  for (const one of document.getAnimations()) if (one.effect.getComputedTiming().endTime < Infinity) one.finish();
  const dot = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const pen = dot.getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, below, opacity = top[3] / 255) => below.map((value, i) => top[i] * opacity + value * (1 - opacity));
  const light = (colour) => {
    const [r, g, b] = colour.map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const shown = (item) => {
    const { width, height } = item.getBoundingClientRect();
    return width > 1 && height > 1 && getComputedStyle(item).visibility !== "hidden";
  };
  const pale = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const item = texts.currentNode.parentElement;
    const text = texts.currentNode.data.trim();
    // What cannot be used yet may be faint.
    if (!text || item.closest("script, style, noscript, option, svg, [disabled], [inert]") || !shown(item)) continue;
    let below = [255, 255, 255];
    let opacity = 1;
    const above = [];
    for (let one = item; one; one = one.parentElement) above.unshift(getComputedStyle(one));
    for (const style of above) {
      below = over(rgba(style.backgroundColor), below);
      opacity *= Number(style.opacity);
    }
    const style = above.at(-1);
    if (opacity * rgba(style.color)[3] < 10) continue; // nobody is meant to see it
    const ink = over(over(rgba(style.color), below), below, opacity);
    const [dim, bright] = [light(ink), light(below)].sort((a, b) => a - b);
    const contrast = (bright + 0.05) / (dim + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (large ? 3 : 4.5)) pale.push(`${text.slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  return pale;
}
