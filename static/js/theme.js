// Runs before the first paint: the stored theme, or the system's when none was chosen.
(function (root) {
  try { root.dataset.theme = localStorage.getItem("theme") || ""; } catch (error) { root.dataset.theme = ""; }
  window.xraySwitchTheme = function () {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch (error) { /* private mode: lasts for this page */ }
    document.dispatchEvent(new CustomEvent("xray:theme"));
  };
})(document.documentElement);
