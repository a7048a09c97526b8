const root = document.documentElement;
root.dataset.errors = "";
const report = (message) => { root.dataset.errors += message + "\n"; };
window.addEventListener("error", (event) => report(event.message));
window.addEventListener("unhandledrejection", (event) => report(String(event.reason)));

// What must be drawn again when colours change.
const redraws = [];

{
  const button = document.querySelector(".theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  const show = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", dark() ? "Use light colours" : "Use dark colours");
    redraws.forEach((draw) => draw());
  };
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; show(); });
  system.addEventListener("change", show);
  show();
}

for (const button of document.querySelectorAll(".copy")) {
  const code = button.parentElement.querySelector("code");
  button.addEventListener("click", async () => {
    let label = "Copied";
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      // Without leave to write the clipboard, the command is selected for the reader's own keys.
      getSelection().selectAllChildren(code);
      label = "Selected";
    }
    button.textContent = label;
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

{
  const links = new Map();
  for (const link of document.querySelectorAll("nav a")) links.set(link.hash.slice(1), link);
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(entry.target.id).setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  for (const id of links.keys()) watch.observe(document.getElementById(id));
}
