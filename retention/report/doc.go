// Package report shows people what is coming and what was done: an in-memory model of everybody who has or gets a purge
// date ([Coming]), the story of the last run as the ledger tells it ([LastRun]), charts ([Timeline]), and both together as
// a self-contained HTML page and a workbook ([Report]).
//
// # Memory
//
// A person costs some 80 bytes and the letters of their name and address; reasons, owners, grounds and tables are kept
// once and numbered. 200,000 persons fit in 40 MB.
//
// # Hostile data
//
// Names come from web forms and purchased lists. They are text wherever they are shown: [Plain] takes out what would
// steer a terminal or turn the reading order, the HTML and SVG are escaped, and no cell of a workbook is a formula.
package report
