// Runs before a page's own scripts: remembers which elements listen for presses, since no document
// says so. Nothing else about listening changes.
(() => {
  const key = Symbol.for("som.listening");
  if (window[key]) return;
  const listening = new WeakMap();
  Object.defineProperty(window, key, { value: listening });
  const presses = new Set(["click", "dblclick", "mousedown", "mouseup", "pointerdown", "pointerup",
    "touchstart", "contextmenu", "mouseenter", "mouseover", "drop"]);
  const note = (target, type, change) => {
    if (!presses.has(type) || !(target instanceof Element)) return;
    const types = listening.get(target) ?? new Map();
    types.set(type, Math.max((types.get(type) ?? 0) + change, 0));
    listening.set(target, types);
  };
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    note(this, type, 1);
    return addEventListener.call(this, type, ...rest);
  };
  EventTarget.prototype.removeEventListener = function (type, ...rest) {
    note(this, type, -1);
    return removeEventListener.call(this, type, ...rest);
  };
})();
