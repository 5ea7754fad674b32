// A table of numbers from text: CSV with any of the usual delimiters, or rows of a spreadsheet.

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * The rows of a table, and the names of its columns if the first row is not of numbers.
 * @param width the number of columns to be read; where there are more, the columns named `channels` are, or the last ones.
 */
export function table(text, width, channels = null) {
  const lines = text.split(/\r?\n/).map((line, i) => ({ line, number: i + 1 })).filter(({ line }) => line.trim());
  if (!lines.length) throw new Error("the table is empty; expected a row of numbers for each step");
  const split = splitter(lines.map(({ line }) => line));
  let rows = lines.map(({ line, number }) => ({ cells: split(line), number }));
  const heads = rows[0].cells.every((cell) => NUMBER.test(cell)) ? null : rows.shift().cells;
  if (!rows.length) throw new Error("the table has a header alone; expected rows of numbers");
  if (width === 1 && rows.length === 1) rows = rows[0].cells.map((cell) => ({ cells: [cell], number: rows[0].number }));
  const chosen = columns(heads, rows[0].cells.length, width, channels);
  const values = rows.map(({ cells, number }) => chosen.map((column) => value(cells[column], number, column)));
  return { values, names: heads && chosen.map((column) => heads[column]) };
}

/** How a line is split: at the first of tab, semicolon and comma that occurs, or else at spaces. */
function splitter(lines) {
  const delimiter = ["\t", ";", ","].find((sign) => lines.some((line) => line.includes(sign)));
  const clean = (cell) => cell.trim().replace(/^"(.*)"$/, "$1");
  // Where another sign stands between numbers, a comma may be a decimal mark.
  const comma = delimiter === "\t" || delimiter === ";";
  return (line) => {
    const cells = (delimiter ? line.split(delimiter) : line.trim().split(/\s+/)).map(clean);
    return comma ? cells.map((cell) => cell.replace(/^([+-]?\d*),(\d+(?:e[+-]?\d+)?)$/i, "$1.$2")) : cells;
  };
}

function columns(heads, count, width, channels) {
  const found = heads && channels ? channels.map((name) => heads.indexOf(name)) : [-1];
  if (!found.includes(-1)) return found;
  if (count < width) throw new Error(`the table has ${count} columns; expected ${width}, the numbers of one step`);
  return Array.from({ length: width }, (_, i) => count - width + i);
}

function value(cell, number, column) {
  if (!NUMBER.test(cell ?? "")) throw new Error(`line ${number}, column ${column + 1} is "${cell ?? ""}"; expected a number`);
  return Number(cell);
}
