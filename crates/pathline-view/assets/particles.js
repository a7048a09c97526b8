const HUES = 6;
const NOWHERE = -32768;
const SECONDS = 4;

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const levels = (text) => {
  const view = new DataView(bytes(text).buffer);
  return Int16Array.from({ length: view.byteLength / 2 }, (_, i) => view.getInt16(2 * i, true));
};

// The frame at or before a time, and how far on to the next.
const position = (times, t) => {
  let k = 0;
  while (k + 2 < times.length && times[k + 1] <= t) k += 1;
  if (times.length < 2) return [0, 0];
  return [k, Math.min(1, Math.max(0, (t - times[k]) / (times[k + 1] - times[k])))];
};

const drawPanel = (canvas, panel, t, trails) => {
  const size = Math.max(1, Math.round(canvas.clientWidth * Math.min(2, devicePixelRatio || 1)));
  if (canvas.width !== size) { canvas.width = size; canvas.height = size; }
  const pen = canvas.getContext("2d");
  const unit = size / Math.max(1, canvas.clientWidth);
  const style = getComputedStyle(root);
  const colour = (name) => style.getPropertyValue(name).trim();
  // 32767 levels are three half widths.
  const x = (level) => size / 2 * (1 + 3 * level / 32767);
  const y = (level) => size / 2 * (1 - 3 * level / 32767);
  const dot = (px, py, r) => { pen.moveTo(px + r, py); pen.arc(px, py, r, 0, 7); };
  pen.clearRect(0, 0, size, size);

  pen.fillStyle = colour("--soft");
  pen.globalAlpha = 0.35;
  pen.beginPath();
  for (let i = 0; i < panel.target.length; i += 2) {
    if (panel.target[i] !== NOWHERE) dot(x(panel.target[i]), y(panel.target[i + 1]), 1.2 * unit);
  }
  pen.fill();

  const [k, s] = position(panel.times, t);
  const n = panel.count;
  const at = (frame, i) => 2 * (Math.min(frame, panel.times.length - 1) * n + i);
  const here = (i) => {
    const a = at(k, i), b = at(k + 1, i), f = panel.frames;
    if (f[a] === NOWHERE || f[b] === NOWHERE) return null;
    return [x(f[a] + s * (f[b] - f[a])), y(f[a + 1] + s * (f[b + 1] - f[a + 1]))];
  };
  for (let hue = 0; hue < HUES; hue += 1) {
    const members = [];
    for (let i = 0; i < n; i += 1) if ((panel.labels[i] || 0) === hue) members.push(i);
    if (members.length === 0) continue;
    pen.fillStyle = pen.strokeStyle = colour("--c" + hue);
    if (trails) {
      pen.globalAlpha = 0.3;
      pen.lineWidth = 0.8 * unit;
      pen.beginPath();
      for (const i of members) {
        let down = false;
        for (let frame = 0; frame <= k; frame += 1) {
          const a = at(frame, i);
          if (panel.frames[a] === NOWHERE) { down = false; continue; }
          const px = x(panel.frames[a]), py = y(panel.frames[a + 1]);
          if (down) pen.lineTo(px, py); else pen.moveTo(px, py);
          down = true;
        }
        const p = here(i);
        if (p && down) pen.lineTo(p[0], p[1]);
      }
      pen.stroke();
    }
    pen.globalAlpha = 0.85;
    pen.beginPath();
    for (const i of members) {
      const p = here(i);
      if (p) dot(p[0], p[1], 1.8 * unit);
    }
    pen.fill();
  }
  pen.globalAlpha = 1;
};

const animate = (figure, data) => {
  const canvases = [...figure.querySelectorAll("canvas")];
  const [slider, trails] = figure.querySelectorAll("input");
  const output = figure.querySelector("output");
  const play = figure.querySelector(".play");
  const panels = data.panels.map((p) => (
    { ...p, frames: levels(p.frames), target: levels(p.target), labels: bytes(p.labels) }));
  const [first, last] = data.times;
  let running = null;

  const draw = () => {
    const t = first + (last - first) * slider.value / slider.max;
    output.textContent = "t = " + t.toFixed(3);
    slider.setAttribute("aria-valuetext", output.textContent);
    canvases.forEach((canvas, i) => drawPanel(canvas, panels[i], t, trails.checked));
  };
  const stop = () => {
    cancelAnimationFrame(running);
    running = null;
    play.textContent = "Play";
  };
  const start = () => {
    if (Number(slider.value) >= Number(slider.max)) slider.value = 0;
    const from = slider.value / slider.max;
    let began = null;
    const step = (now) => {
      began ??= now;
      const share = Math.min(1, from + (now - began) / 1000 / SECONDS);
      slider.value = Math.round(share * slider.max);
      draw();
      if (share < 1) running = requestAnimationFrame(step); else stop();
    };
    play.textContent = "Pause";
    running = requestAnimationFrame(step);
  };
  play.addEventListener("click", () => { if (running === null) start(); else stop(); });
  slider.addEventListener("input", () => { stop(); draw(); });
  trails.addEventListener("change", draw);
  redraws.push(draw);
  new ResizeObserver(draw).observe(figure);
  draw();

  // Plays once when first seen, unless the reader has asked for less motion.
  if (matchMedia("(prefers-reduced-motion: reduce)").matches || location.hash === "#selftest") return;
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    if (running === null) start();
  }, { threshold: 0.5 });
  seen.observe(canvases[0]);
};

for (const [id, data] of Object.entries(FIGURES)) animate(document.getElementById(id), data);
