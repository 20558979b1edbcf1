// Interaction: choose, hide, hover, change scale and theme. Without this script every value is still in the page.
(() => {
  "use strict";
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("data").textContent);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const marks = data.marks.map((path) => new Path2D(path));
  const hidden = new Set();
  const live = [];
  root.classList.add("js");

  // same format as harness/formatting/numbers.py
  const written = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    const decimals = size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
    return value.toFixed(decimals).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, "\u202f");
  };
  const forms = {
    number: written,
    percentile: (x) => `p${(100 * (1 - 10 ** -x)).toPrecision(5).replace(/\.?0+$/, "")}`,
    block: (x) => `block ${Math.floor(x) + 1}`,
  };

  const along = (chart, x) => (chart.x_form === "number" && chart.x_ticks.find((one) => one[0] === x)?.[1]) || forms[chart.x_form](x);

  // theme

  const themes = ["auto", "light", "dark"];
  const button = document.getElementById("theme");
  const setTheme = (theme) => {
    if (theme === "auto") root.removeAttribute("data-theme");
    else root.dataset.theme = theme;
    button.textContent = `${{ auto: "◐", light: "☀", dark: "☾" }[theme]} ${theme}`;
    button.setAttribute("aria-label", `theme: ${theme === "auto" ? "as the system" : theme}`);
    live.forEach((chart) => chart.draw());
  };
  const remembered = () => {
    try { return localStorage.getItem("djbench-theme") || "auto"; } catch { return "auto"; }
  };
  let theme = remembered();
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    try { localStorage.setItem("djbench-theme", theme); } catch { /* a file may have no storage */ }
    setTheme(theme);
  });
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

  // tables with bars

  const choose = (id, attribute, section) => {
    const select = document.getElementById(id);
    if (!select) return;
    const show = () => all(`#${section} [data-${attribute}]`).forEach((one) => {
      one.hidden = select.value !== "" && one.dataset[attribute] !== select.value;
    });
    select.addEventListener("change", show);
    show();
  };
  choose("ratio-metric", "metric", "ratios");
  choose("bar-metric", "metric", "metrics");
  choose("bar-group", "place", "metrics");

  const showArm = (box) => {
    const arm = Number(box.dataset.arm);
    if (box.checked) hidden.delete(arm); else hidden.add(arm);
    all(`tr[data-arm="${arm}"]`).forEach((row) => { row.hidden = !box.checked; });
    live.forEach((chart) => chart.draw());
  };
  all("input[data-arm]").forEach((box) => { showArm(box); box.addEventListener("change", () => showArm(box)); });

  // line charts

  const roundTicks = (low, high, log) => {
    if (!log) return null;
    const found = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e += 1) {
      for (const a of [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8]) found.push(Number((a * 10 ** e).toPrecision(6)));
    }
    const inside = found.filter((one) => one >= low && one <= high);
    const lead = (one) => Number((one / 10 ** Math.floor(Math.log10(one) + 1e-9)).toFixed(3));
    for (const leads of [[1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8], [1, 1.5, 2, 3, 5, 7], [1, 2, 5]]) {
      const some = inside.filter((one) => leads.includes(lead(one)));
      if (some.length <= 8) return some;
    }
    return inside.filter((one) => lead(one) === 1);
  };

  const xRange = (chart) => {
    const at = chart.references.filter((one) => one.upright && one.arm !== null).map((one) => one.at);
    const low = Math.min(...chart.x, ...at), high = Math.max(...chart.x, ...at);
    if (chart.x_form === "block") return [0, Math.floor(high) + 1];
    if (chart.x_log) return [low / 1.1, high * 1.1];
    return high > low ? [low, high] : [low, low + 1];
  };

  const yRange = (chart, log) => {
    const shown = chart.lines.filter((line) => !hidden.has(line.arm));
    const values = shown.flatMap((line) => [...line.y, ...line.marks.flatMap((m) => [m.y, m.low, m.high])])
      .concat(chart.references.filter((one) => !one.upright).map((one) => one.at))
      .filter((one) => one !== null && (one > 0 || !log));
    const low = Math.min(...values), high = Math.max(...values);
    if (!values.length) return log ? [1, 10] : [0, 1];
    if (log) return high / low > 3 ? [low / 1.15, high * 1.15] : [low / 1.6, high * 1.6];
    return [Math.min(0, low), high * 1.05 || 1];
  };

  const paint = (u, chart) => {
    const { ctx } = u, ratio = devicePixelRatio;
    const x = (value) => u.valToPos(value, "x", true), y = (value) => u.valToPos(value, "y", true);
    const { left, top, width, height } = u.bbox;
    ctx.save();
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.beginPath();
    ctx.rect(left - 6 * ratio, top - 6 * ratio, width + 12 * ratio, height + 12 * ratio);
    ctx.clip();
    for (const one of chart.references) {
      ctx.strokeStyle = one.arm === null ? colour("dim") : colour(`c${data.arms[one.arm].colour}`);
      if (one.arm !== null && hidden.has(one.arm)) continue;
      ctx.setLineDash([2 * ratio, 3 * ratio]);
      ctx.lineWidth = 1.4 * ratio;
      ctx.beginPath();
      if (one.upright) { ctx.moveTo(x(one.at), top); ctx.lineTo(x(one.at), top + height); }
      else { ctx.moveTo(left, y(one.at)); ctx.lineTo(left + width, y(one.at)); }
      ctx.stroke();
      ctx.fillStyle = colour("text");
      ctx.font = `${11 * ratio}px system-ui, sans-serif`;
      if (!one.upright) ctx.fillText(one.label, left + 4 * ratio, y(one.at) - 4 * ratio);
    }
    ctx.setLineDash([]);
    for (const line of chart.lines) {
      if (hidden.has(line.arm)) continue;
      const arm = data.arms[line.arm];
      const own = colour(`c${arm.colour}`);
      const some = line.marks.length ? line.marks : sparse(chart, line);
      for (const mark of some) {
        if (mark.low !== null && mark.high !== null) {
          ctx.strokeStyle = own;
          ctx.lineWidth = 1.2 * ratio;
          ctx.beginPath();
          ctx.moveTo(x(mark.x), y(mark.low));
          ctx.lineTo(x(mark.x), y(mark.high));
          ctx.stroke();
        }
        ctx.save();
        ctx.translate(x(mark.x), y(mark.y));
        ctx.scale(ratio, ratio);
        ctx.fillStyle = mark.hollow ? colour("back") : own;
        ctx.strokeStyle = own;
        ctx.lineWidth = 1.2;
        ctx.fill(marks[arm.mark]);
        if (mark.hollow) ctx.stroke(marks[arm.mark]);
        ctx.restore();
      }
    }
    ctx.restore();
  };

  // lines bridge missing points, but not the end of a block
  const ends = (u, chart) => (chart.x_form === "block" ? chart.references.filter((one) => one.upright).map((one) => Math.round(u.valToPos(one.at, "x", true))) : []);

  const sparse = (chart, line) => {
    const known = line.y.map((y, at) => ({ x: chart.x[at], y, low: null, high: null, hollow: false })).filter((m) => m.y !== null);
    const every = Math.max(1, Math.ceil(known.length / 6));
    return known.filter((_, at) => at % every === 0);
  };

  const build = (section) => {
    const charts = data.plots[section.id];
    const place = section.querySelector(".live");
    const chosen = (name) => section.querySelector(`[data-choose="${name}"]`)?.value;
    let plot = null, shown = null, at = null;
    const draw = () => {
      const [group, what, scale] = [chosen("group"), chosen("what"), chosen("scale")];
      const chart = charts.find((one) => one.group === group && (what === undefined || one.what === what));
      if (plot) plot.destroy();
      place.replaceChildren();
      [shown, at] = [chart, null];
      if (!chart) return;
      const log = scale ? scale === "log" : chart.y_log;
      const axis = { stroke: colour("text"), grid: { stroke: colour("rule"), width: 0.7 }, ticks: { stroke: colour("rule") }, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif" };
      const named = chart.x_ticks;
      plot = new uPlot({
        width: Math.max(260, place.clientWidth),
        height: innerWidth < 640 ? 280 : 360,
        cursor: { points: { size: 7 } },
        scales: {
          x: { time: false, distr: chart.x_log ? 3 : 1, range: () => xRange(chart) },
          y: { distr: log ? 3 : 1, range: () => yRange(chart, log) },
        },
        axes: [
          { ...axis, label: chart.x_label,
            ...(named.length ? { splits: () => named.map((one) => one[0]), values: () => named.map((one) => one[1]), filter: (u, splits) => splits }
              : { splits: chart.x_log ? (u, i, low, high) => roundTicks(low, high, true) : undefined, values: (u, splits) => splits.map(String), filter: (u, splits) => splits }) },
          { ...axis, label: chart.y_label, size: 62,
            ...(log ? { splits: (u, i, low, high) => roundTicks(low, high, true) } : {}), values: (u, splits) => splits.map((one) => (one === null ? "" : Number(one.toPrecision(6)).toLocaleString("en").replaceAll(",", "\u202f"))), filter: (u, splits) => splits },
        ],
        series: [
          { label: chart.x_label, value: (u, x) => (x === null ? "–" : along(chart, x)) },
          ...chart.lines.map((line) => {
            const arm = data.arms[line.arm];
            return { label: arm.name, show: !hidden.has(line.arm), stroke: colour(`c${arm.colour}`), width: 1.8, dash: arm.dashed ? [6, 3] : undefined,
              points: { show: false }, gaps: (u, series, first, last, missing) => missing.filter((gap) => ends(u, chart).some((at) => at >= gap[0] && at <= gap[1])), value: (u, y) => written(y) };
          }),
        ],
        hooks: { draw: [(u) => paint(u, chart)] },
      }, [chart.x, ...chart.lines.map((line) => line.y.map((y) => (log && y !== null && y <= 0 ? null : y)))], place);
      place.querySelector("canvas").setAttribute("aria-hidden", "true");
    };
    // keyboard access to hover values, announced to screen readers
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    place.addEventListener("keydown", (event) => {
      if (!(event.key in steps) || !shown) return;
      event.preventDefault();
      const last = shown.x.length - 1, step = steps[event.key];
      at = at === null && step === 1 ? 0 : Math.min(last, Math.max(0, (at ?? last + 1) + step));
      plot.setCursor({ left: plot.valToPos(shown.x[at], "x"), top: 0 });
      const heard = shown.lines.filter((line) => !hidden.has(line.arm) && line.y[at] !== null)
        .map((line) => `${data.arms[line.arm].name} ${written(line.y[at])}`);
      section.querySelector("[aria-live]").textContent =
        `${shown.x_label} ${along(shown, shown.x[at])}: ${heard.join(", ") || "nothing"}`;
    });
    all("select", section).forEach((select) => select.addEventListener("change", draw));
    live.push({ draw });
  };

  all("section.plot").forEach(build);
  setTheme(theme);
  let resized;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(() => live.forEach((chart) => chart.draw()), 150); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => live.forEach((chart) => chart.draw()));
  addEventListener("beforeprint", () => all("details:not(.words)").forEach((one) => { one.open = true; }));
})();
