// Draws the panels of a dashboard with Grafana's own components, as Grafana 10.4 lays them out. What its panels `timeseries`,
// `stat`, `bargauge` and `table` do beyond that is little, and is done here the same way; `geomap` is not
// in the package, so its place says how many rows it would show. `shown.js` beside the page holds the panels and their data.
import "@fontsource/inter/latin-400.css";
import "@fontsource/inter/latin-500.css";
import "uplot/dist/uPlot.min.css";
import React from "react";
import { createRoot } from "react-dom/client";
import {
  ThemeContext, applyFieldOverrides, createTheme, dateTime, displayNameOverrideProcessor,
  getDisplayValueAlignmentFactors, getFieldDisplayValues, identityOverrideProcessor, toDataFrame, Registry,
} from "@grafana/data";
import { BarGauge, BigValue, GlobalStyles, PanelChrome, Table, TimeSeries, VizRepeater } from "@grafana/ui";

const { rows, data, from, to, scheme, width } = window.SHOWN;
const theme = createTheme({ colors: { mode: scheme } });
const timeRange = { from: dateTime(from), to: dateTime(to), raw: { from: dateTime(from), to: dateTime(to) } };

// What each kind of panel sets where a dashboard says nothing; Grafana's own defaults.
const DEFAULTS = {
  timeseries: {
    drawStyle: "line", lineInterpolation: "linear", lineWidth: 1, fillOpacity: 0, gradientMode: "none", spanNulls: false,
    insertNulls: false, showPoints: "auto", pointSize: 5, stacking: { mode: "none", group: "A" }, axisPlacement: "auto",
    axisLabel: "", axisColorMode: "text", axisBorderShow: false, axisCenteredZero: false, barAlignment: 0,
    scaleDistribution: { type: "linear" }, hideFrom: { tooltip: false, viz: false, legend: false },
    thresholdsStyle: { mode: "off" },
  },
  table: { align: "auto", cellOptions: { type: "auto" }, inspect: false },
};

// Every property that the board sets is known, as if its panel had registered it.
function registry({ defaults, custom, overrides }) {
  const ids = new Set([
    ...Object.keys(defaults).filter(name => name !== "custom"), ...Object.keys(custom).map(name => `custom.${name}`),
    ...overrides.flatMap(rule => rule.properties.map(one => one.id)),
  ]);
  return new Registry(() => [...ids].map(id => ({
    id, path: id.replace(/^custom\./, ""), name: id, isCustom: id.startsWith("custom."), shouldApply: () => true,
    process: id === "displayName" ? displayNameOverrideProcessor : identityOverrideProcessor, settings: { expandTemplateVars: true },
  })));
}

// The one variable that names of fields use; all others were filled in before the data was asked for.
function replaceVariables(text, scoped) {
  const field = scoped?.__dataContext?.value?.field;
  return text.replace(/\$\{__field\.labels\.(\w+)\}/g, (_, label) => field?.labels?.[label] ?? "");
}

// JSON has no NaN.
const frame = ({ fields }) => toDataFrame({ fields: fields.map(field => ({ ...field, values: field.values.map(value => value === "NaN" ? NaN : value) })) });

function framesOf(panel) {
  const { defaults, overrides } = panel.fieldConfig;
  const custom = { ...DEFAULTS[panel.type], ...defaults.custom };
  return applyFieldOverrides({
    data: (data[panel.id] ?? []).map(frame), fieldConfig: { defaults: { ...defaults, custom }, overrides },
    fieldConfigRegistry: registry({ defaults, custom, overrides }), replaceVariables, theme, timeZone: "utc",
  });
}

const values = (panel, frames) => getFieldDisplayValues({
  fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, replaceVariables, theme, data: frames,
  sparkline: panel.type === "stat" && panel.options.graphMode !== "none", timeZone: "utc",
});

function stat(panel, frames, width, height) {
  const { orientation, colorMode, graphMode, justifyMode, textMode } = panel.options;
  const draw = ({ value, alignmentFactors, width, height, count, orientation }) => {
    if (value.sparkline) value.sparkline.timeRange = timeRange;
    return <BigValue value={value.display} count={count} sparkline={value.sparkline} parentOrientation={orientation}
      {...{ colorMode, graphMode, justifyMode, textMode, alignmentFactors, theme, width, height }} />;
  };
  return <VizRepeater getValues={() => values(panel, frames)} getAlignmentFactors={getDisplayValueAlignmentFactors} renderValue={draw}
    source={frames} itemSpacing={3} renderCounter={0} autoGrid {...{ width, height, orientation }} />;
}

function bars(panel, frames, width, height) {
  const { orientation, displayMode, showUnfilled, valueMode, minVizWidth, minVizHeight, maxVizHeight, text } = panel.options;
  const draw = ({ value, alignmentFactors, width, height, count, orientation }) => <BarGauge value={value.display} field={value.field}
    display={value.view?.getFieldDisplayProcessor(value.colIndex)} alignmentFactors={count > 1 ? alignmentFactors : undefined}
    itemSpacing={8} valueDisplayMode={valueMode} {...{ orientation, displayMode, showUnfilled, text, theme, width, height }} />;
  return <VizRepeater getValues={() => values(panel, frames)} getAlignmentFactors={getDisplayValueAlignmentFactors} renderValue={draw}
    source={frames} itemSpacing={8} renderCounter={0} {...{ width, height, orientation, minVizWidth, minVizHeight, maxVizHeight }} />;
}

function drawn(panel, width, height) {
  const frames = framesOf(panel);
  if (!frames.length) return "No data";
  switch (panel.type) {
    case "timeseries": return <TimeSeries legend={panel.options.legend} timeZone="utc" {...{ frames, timeRange, width, height }} options={panel.options} />;
    case "stat": return stat(panel, frames, width, height);
    case "bargauge": return bars(panel, frames, width, height);
    case "table": return <Table data={frames[0]} cellHeight={panel.options.cellHeight} noHeader={!panel.options.showHeader} resizable={false} {...{ width, height, timeRange }} />;
    default: return `${panel.type}: ${frames[0].length} rows`;
  }
}

// Grafana's grid: 24 columns, 30 pixels a unit of height, 8 between.
function Row({ title, panels }) {
  const column = (width - 23 * 8) / 24, top = Math.min(...panels.map(panel => panel.gridPos.y));
  const place = ({ x, y, w, h }) => ({ left: x * (column + 8), top: (y - top) * 38, width: w * (column + 8) - 8, height: h * 38 - 8 });
  const bottom = Math.max(...panels.map(({ gridPos }) => (gridPos.y - top + gridPos.h) * 38));
  return <section>
    <h2 style={{ font: "500 16px Inter", margin: "12px 0 8px" }}>{title}</h2>
    <div style={{ position: "relative", height: bottom }}>{panels.map(panel => {
      const box = place(panel.gridPos);
      return <div key={panel.id} className="panel" data-id={panel.id} data-kind={panel.type} data-title={panel.title} style={{ position: "absolute", ...box }}>
        <PanelChrome title={panel.title} width={box.width} height={box.height}>{(width, height) => <div className="drawn" style={{ width, height }}>{drawn(panel, width, height)}</div>}</PanelChrome>
      </div>;
    })}</div>
  </section>;
}

const style = document.createElement("style");
style.textContent = `*, ::before, ::after { box-sizing: border-box; } body { background: ${theme.colors.background.canvas}; margin: 0; padding: 8px 16px 16px; width: ${width}px; }`;
document.head.append(style);
createRoot(document.getElementById("board")).render(<ThemeContext.Provider value={theme}><GlobalStyles />{rows.map(row => <Row key={row.title} {...row} />)}</ThemeContext.Provider>);
// The letters change how much room a legend takes.
document.fonts.ready.then(() => setTimeout(() => { window.isDrawn = true; }, 500));
