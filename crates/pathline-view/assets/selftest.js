// Opened with #selftest the page moves each slider and writes down what changed.
if (location.hash === "#selftest") {
  const sliders = [...document.querySelectorAll("input[type=range]")];
  const moved = sliders.filter((slider) => {
    const figure = slider.closest("figure");
    const look = () => [...figure.querySelectorAll("canvas")].map((c) => c.toDataURL());
    const time = () => figure.querySelector("output").textContent;
    const shown = [0, 500, 1000].map((value) => {
      slider.value = value;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      return { time: time(), looks: look() };
    });
    const [a, b, c] = shown;
    return a.time !== b.time && b.time !== c.time &&
      a.looks.every((picture, i) => picture !== b.looks[i] && b.looks[i] !== c.looks[i]);
  });
  root.dataset.sliders = sliders.length;
  root.dataset.slidersMoved = moved.length;
  root.dataset.width = innerWidth;
  root.dataset.fits = root.scrollWidth <= innerWidth;
}
root.dataset.ready = "true";
