// How numbers are written. What is not known is a dash.
export const dash = "–";

const known = (v) => v !== null && v !== undefined && Number.isFinite(v);

// number writes a number with three digits at most.
export function number(v) {
  if (!known(v)) return dash;
  const a = Math.abs(v);
  if (a >= 1e6) return `${number(v / 1e6)} M`;
  if (a >= 1e4) return `${number(v / 1e3)} k`;
  if (a >= 100 || a === 0) return String(Math.round(v));
  if (a >= 10) return String(+v.toFixed(1));
  if (a >= 0.01) return String(+v.toFixed(2));
  return v.toPrecision(2).replace(/e-\d+$/, "") === "0.0" ? "0" : String(+v.toPrecision(2));
}

export function seconds(v) {
  if (!known(v)) return dash;
  const a = Math.abs(v);
  if (a === 0) return "0 s";
  if (a >= 60) return `${Math.floor(v / 60)} min ${Math.round(v % 60)} s`;
  if (a >= 1) return `${number(v)} s`;
  if (a >= 1e-3) return `${number(v * 1e3)} ms`;
  return `${Math.round(v * 1e6)} µs`;
}

export function bytes(v) {
  if (!known(v)) return dash;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; v >= 1024 && i < units.length - 1; i++) v /= 1024;
  return `${number(v)} ${units[i]}`;
}

// percent never rounds up to all.
export function percent(v) {
  if (!known(v)) return dash;
  const p = 100 * v;
  if (p > 0 && p < 1) return `${+p.toPrecision(2)} %`;
  if (v < 1 && p > 99.9) return `${Math.floor(p * 100) / 100} %`;
  return `${+p.toFixed(1)} %`;
}

export const rate = (v) => (known(v) ? `${number(v)}/s` : dash);

// of writes a value in a chart's unit.
export function of(unit, v) {
  switch (unit) {
    case "s":
      return seconds(v);
    case "/s":
      return rate(v);
    case "share":
      return percent(v);
  }
  return number(v);
}

export const clock = (at) => new Date(at * 1000).toLocaleTimeString([], { hour12: false });
