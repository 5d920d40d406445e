// Canvas charts cannot read light-dark(): the colours are read off a probe and read again when the theme changes.
const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

export function colour(token) {
  probe.style.color = `var(--${token})`;
  probe.hidden = false;
  const value = getComputedStyle(probe).color;
  probe.hidden = true;
  return value;
}

/** Call `paint` now and after each change of theme. */
export function onTheme(paint) {
  paint();
  document.addEventListener("xray:theme", paint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
}

/** Options that every chart shares. */
export function chartLook() {
  return {
    layout: { background: { type: "solid", color: "transparent" }, textColor: colour("text-3"), fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily, attributionLogo: false, panes: { separatorColor: colour("line"), separatorHoverColor: colour("line") } },
    grid: { vertLines: { visible: false }, horzLines: { color: colour("grid") } },
    rightPriceScale: { borderVisible: false },
    timeScale: { borderVisible: false, timeVisible: true, secondsVisible: false },
    crosshair: { vertLine: { color: colour("control"), labelBackgroundColor: colour("text-2") }, horzLine: { color: colour("control"), labelBackgroundColor: colour("text-2") } },
  };
}
