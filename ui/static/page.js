// What every widget of the page shares: words, the theme, the camera, and how they find each other.
(() => {
  const som = (window.som = { words: WORDS, views: {} });
  const stored = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const store = (key, value) => { try { localStorage.setItem(key, value); } catch { /* not allowed: forgotten */ } };

  som.word = (key, lang, values = {}) => {
    const known = som.words[lang] || som.words[navigator.language?.startsWith("ko") ? "ko" : "en"];
    const text = known[key] ?? som.words.en[key] ?? key;
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  };

  // Light and dark: the system's, until a person says otherwise.
  const theme = () => stored("som-theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  som.show = (name) => document.body?.classList.toggle("dark", name === "dark");
  som.toggleTheme = () => {
    const next = document.body.classList.contains("dark") ? "light" : "dark";
    store("som-theme", next);
    som.show(next);
  };
  document.addEventListener("DOMContentLoaded", () => som.show(theme()));
  som.theme = theme;

  // A mark goes into the question where the cursor is.
  som.insert = (text) => {
    const box = document.querySelector("#question textarea");
    if (!box) return;
    const [from, to] = [box.selectionStart ?? box.value.length, box.selectionEnd ?? box.value.length];
    const before = box.value.slice(0, from);
    const gap = before && !/\s$/.test(before) ? " " : "";
    const behind = box.value.slice(to);
    const after = behind && !/^[\s?.,!]/.test(behind) ? " " : "";
    box.value = before + gap + text + after + behind;
    const at = (before + gap + text + after).length;
    box.setSelectionRange(at, at);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  };

  som.camera = async (lang, done) => {
    const dialog = document.createElement("dialog");
    dialog.className = "som-camera";
    dialog.setAttribute("aria-label", som.word("view.camera", lang));
    const video = document.createElement("video");
    video.autoplay = video.playsInline = video.muted = true;
    const line = document.createElement("p");
    const take = document.createElement("button");
    const stop = document.createElement("button");
    take.className = "som-button som-primary";
    stop.className = "som-button";
    take.textContent = som.word("camera.take", lang);
    stop.textContent = som.word("camera.close", lang);
    const row = document.createElement("div");
    row.className = "som-buttons";
    row.append(take, stop);
    dialog.append(video, line, row);
    document.body.append(dialog);
    let stream = null;
    const close = () => {
      stream?.getTracks().forEach((track) => track.stop());
      dialog.remove();
    };
    stop.onclick = close;
    dialog.oncancel = close;
    take.disabled = true;
    dialog.showModal();
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1920 } } });
    } catch {
      line.textContent = som.word("camera.none", lang);
      line.setAttribute("role", "alert");
      video.hidden = true;
      return;
    }
    video.srcObject = stream;
    video.onloadeddata = () => { take.disabled = false; take.focus(); };
    take.onclick = () => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
      canvas.getContext("2d").drawImage(video, 0, 0);
      close();
      canvas.toBlob((blob) => blob && done(blob), "image/jpeg", 0.95);
    };
  };

  // A file that the page already holds, handed to the browser's downloads.
  som.save = ({ name, mime, base64 }) => {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: mime }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
})();
