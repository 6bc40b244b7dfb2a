// Tiles: arrays as crisp pictures, and where the hand is on them.
// Python sends colours, captions, numbers and boxes; what is pointed at, picked and painted goes back.

const NUMBERS_FROM = 20; // a cell of fewer screen pixels is too small for its number
const AXES = /\b((?:depth|height|width|filter)s?)\b/; // these words have colours of their own all through the course
const COUNTED = new RegExp(`${AXES.source} (?=\\d)`, "g"); // "height 4" stays on one line
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "cnn-tiles";
  // The arrow keys are ours, not the notebook's: on the tiles, and on every control of the explorer they are in.
  requestAnimationFrame(() => {
    const ours = root.closest(".cnn-explorer") ?? root;
    ours.dataset.lmSuppressShortcuts = "true";
    ours.addEventListener("keydown", (event) => ARROWS[event.key] && event.stopPropagation());
  });
  const sheet = root.appendChild(document.createElement("div"));
  const legend = root.appendChild(document.createElement("div"));
  sheet.className = "cnn-sheet";
  legend.className = "cnn-legend";
  el.appendChild(root);

  const figures = []; // one for each tile: {figure, canvas, caption}, and how it looked when it was drawn
  const scratch = document.createElement("canvas");
  let pending = 0; // the frame that is asked for, if any
  let hovered = null; // [tile, row, column] under the pointer
  let waiting = []; // strokes, or what is new of one, that Python has not been told of: {began, cells}
  let sent = 0; // strokes sent so far
  let telling = null; // what will send the message that is being put together, if any

  // Drawing. However many changes come in between, a frame is drawn once.

  function redraw() {
    pending ||= requestAnimationFrame(() => {
      pending = 0;
      draw();
    });
  }

  function draw() {
    const sizes = model.get("sizes");
    const view = model.get("pixels");
    const bytes = new Uint8ClampedArray(view.buffer, view.byteOffset, view.byteLength);
    while (figures.length > sizes.length) figures.pop().figure.remove();
    while (figures.length < sizes.length) figures.push(newTile(figures.length));
    const columns = model.get("columns");
    sheet.style.gridTemplateColumns = columns ? `repeat(${columns}, max-content)` : "";
    sheet.classList.toggle("cnn-flow", !columns);
    let start = 0;
    sizes.forEach(([height, width], tile) => {
      const end = start + 4 * height * width;
      const look = [view, start, height, width, ...besides(tile)];
      if (end <= bytes.length && !same(look, figures[tile].look)) {
        figures[tile].look = look;
        drawTile(tile, height, width, bytes.slice(start, end));
      }
      start = end;
    });
    const stops = model.get("legend");
    legend.hidden = !stops.length;
    if (stops.length && !same(stops, legend.look)) {
      legend.look = stops;
      const [low, high, ...colours] = stops;
      legend.innerHTML = "<span></span><i></i><span></span>";
      legend.children[0].textContent = low;
      legend.children[1].style.background = `linear-gradient(to right, ${colours.join(", ")})`;
      legend.children[2].textContent = high;
    }
  }

  // What a tile shows besides its cells. It is drawn only if something has changed: most moves change few tiles.
  function besides(tile) {
    const [captions, numbers, boxes] = ["captions", "numbers", "boxes"].map((name) => model.get(name));
    const mine = [captions[tile], numbers[tile], boxes.filter((box) => box.tile === tile)];
    const under = hovered?.[0] === tile && hovered;
    return [model.get("zoom"), model.get("pointer"), window.devicePixelRatio, JSON.stringify([mine, under])];
  }

  function drawTile(tile, height, width, colours) {
    const { figure, canvas, caption } = figures[tile];
    const zoom = model.get("zoom");
    const sharp = window.devicePixelRatio || 1;
    const text = model.get("captions")[tile] ?? "";
    const told = text.replace(COUNTED, "$1\u00a0");
    if (caption.textContent !== told) caption.replaceChildren(...coloured(told));
    figure.style.width = `${Math.max(width * zoom, 24)}px`;
    canvas.setAttribute("aria-label", `${text || `picture ${tile + 1}`}, ${height} by ${width}`);
    canvas.style.cursor = { hover: "crosshair", drag: "grab", paint: "cell" }[model.get("pointer")];
    canvas.style.touchAction = model.get("pointer") === "hover" ? "auto" : "none";
    const tall = Math.round(height * zoom * sharp), wide = Math.round(width * zoom * sharp);
    if (canvas.height !== tall || canvas.width !== wide) {
      canvas.height = tall;
      canvas.width = wide;
      canvas.style.height = `${height * zoom}px`;
      canvas.style.width = `${width * zoom}px`;
    }
    scratch.height = height;
    scratch.width = width;
    scratch.getContext("2d").putImageData(new ImageData(colours, width, height), 0, 0);
    const pen = canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.imageSmoothingEnabled = zoom < 1; // crisp cells, unless there are several in one pixel
    pen.drawImage(scratch, 0, 0, wide, tall);
    pen.setTransform(sharp, 0, 0, sharp, 0, 0); // from here on in CSS pixels
    const numbers = model.get("numbers")[tile];
    if (numbers?.length && zoom >= NUMBERS_FROM) writeNumbers(pen, numbers, width, zoom, colours);
    for (const box of model.get("boxes")) if (box.tile === tile) frame(pen, box, zoom);
    if (hovered?.[0] === tile && zoom >= 4) {
      frame(pen, { top: hovered[1], left: hovered[2], height: 1, width: 1, colour: "#888", thin: true }, zoom);
    }
  }

  function writeNumbers(pen, numbers, width, zoom, colours) {
    const longest = Math.max(...numbers.map((text) => text.length));
    pen.font = `${Math.min(0.42 * zoom, (1.5 * zoom) / longest)}px ui-monospace, Menlo, Consolas, monospace`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    numbers.forEach((text, i) => {
      const [red, green, blue] = colours.subarray(4 * i, 4 * i + 3);
      pen.fillStyle = 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000" : "#fff";
      pen.fillText(text, ((i % width) + 0.5) * zoom, (Math.floor(i / width) + 0.5) * zoom);
    });
  }

  function frame(pen, box, zoom) {
    const line = box.thin ? 1 : 2.5;
    const around = [box.left * zoom, box.top * zoom, box.width * zoom, box.height * zoom];
    if (!box.thin) {
      pen.strokeStyle = "rgba(255, 255, 255, 0.85)"; // a light edge, so that it shows on any ground
      pen.lineWidth = line + 2;
      pen.strokeRect(...around);
    }
    pen.setLineDash(box.dashed ? [6, 4] : []);
    pen.strokeStyle = box.colour ?? "#000";
    pen.lineWidth = line;
    pen.strokeRect(...around);
    pen.setLineDash([]);
  }

  // The hand

  function newTile(tile) {
    const figure = sheet.appendChild(document.createElement("figure"));
    const canvas = figure.appendChild(document.createElement("canvas"));
    const caption = figure.appendChild(document.createElement("figcaption"));
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");

    const cellAt = (event) => {
      const place = canvas.getBoundingClientRect(), zoom = model.get("zoom");
      const [height, width] = model.get("sizes")[tile];
      const row = Math.floor((event.clientY - place.top) / zoom);
      const column = Math.floor((event.clientX - place.left) / zoom);
      return [tile, clamp(row, height), clamp(column, width)];
    };
    const hover = (cell) => {
      if (String(cell) === String(hovered)) return;
      hovered = cell;
      tell("hovered", cell ?? []);
      redraw();
    };
    let held = null; // the last cell that a pressed pointer, or space bar, was on
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      canvas.focus({ preventScroll: true });
      held = cellAt(event);
      press(held, [held], true);
    });
    // Or the hand would select text as well, and from then on drag that away instead of painting.
    canvas.addEventListener("mousedown", (event) => event.preventDefault());
    canvas.addEventListener("pointermove", (event) => {
      const cell = cellAt(event);
      hover(cell);
      if (!held || !event.buttons || String(cell) === String(held) || model.get("pointer") === "hover") return;
      press(cell, between(held, cell));
      held = cell;
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { held = null; });
    canvas.addEventListener("keyup", ({ key }) => { if (key === " " || key === "Enter") held = null; });
    canvas.addEventListener("pointerleave", () => hover(null));
    canvas.addEventListener("keydown", (event) => {
      const [height, width] = model.get("sizes")[tile];
      const now = model.get("picked")[0] === tile ? model.get("picked") : [tile, 0, 0];
      if (ARROWS[event.key]) {
        const far = model.get("step") * (event.shiftKey ? 8 : 1);
        const [down, right] = ARROWS[event.key];
        const next = [tile, clamp(now[1] + far * down, height), clamp(now[2] + far * right, width)];
        if (held && model.get("pointer") === "paint") press((held = next), between(now, next));
        else tell("picked", next);
      } else if (event.key === " " || event.key === "Enter") {
        if (!event.repeat) press((held = now), [now], true);
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    });
    return { figure, canvas, caption };
  }

  function press(cell, path, began = false) {
    tell("picked", cell);
    if (model.get("pointer") !== "paint") return;
    if (began || !waiting.length) waiting.push({ began, cells: [] });
    waiting.at(-1).cells.push(...path);
    paint();
  }

  // One message at a time is on its way to Python, with cells of one stroke. What is painted meanwhile waits here, and
  // none of it is lost.
  function paint() {
    if (!waiting.length || model.get("painted") < sent) return;
    sent = Math.max(sent, model.get("painted")) + 1;
    tell("stroke", { serial: sent, ...waiting.shift() });
  }

  // All that one event has to tell goes in one message: a second would wait for Python's answer to the first.
  function tell(name, value) {
    model.set(name, value);
    telling ||= Promise.resolve().then(() => {
      telling = null;
      model.save_changes();
    });
  }

  const drawn = ["pixels", "sizes", "captions", "zoom", "columns", "numbers", "boxes", "legend", "pointer"];
  for (const name of drawn) model.on(`change:${name}`, redraw);
  model.on("change:painted", paint);
  redraw();
  return () => {
    cancelAnimationFrame(pending);
    for (const name of drawn) model.off(`change:${name}`, redraw);
    model.off("change:painted", paint);
  };
}

// A caption, its axis words underlined in the colours of their axes (which are too pale to be those of letters).
function coloured(text) {
  const parts = text.split(AXES);
  return parts.map((part, i) => {
    if (i % 2 === 0) return part;
    const word = document.createElement("u");
    word.className = `cnn-${part.replace(/s$/, "")}`;
    word.textContent = part;
    return word;
  });
}

// Whether two lists have the same parts.
function same(these, those) {
  return those?.length === these.length && these.every((part, i) => part === those[i]);
}

function clamp(place, length) {
  return Math.max(0, Math.min(length - 1, place));
}

// The cells on the way from one to another, the first left out.
function between([tile, row, column], [, toRow, toColumn]) {
  const steps = Math.max(Math.abs(toRow - row), Math.abs(toColumn - column));
  return Array.from({ length: steps }, (_, i) => {
    const part = (i + 1) / steps;
    return [tile, Math.round(row + part * (toRow - row)), Math.round(column + part * (toColumn - column))];
  });
}

export default { render };
