//! Answers as tables: as text, CSV and JSON.

use serde_json::{Map, Value, json};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A double: never money that was not asked for as one.
    Real(f64),
    /// Text; money, too.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Cell {
    /// As it is printed; nothing for nothing.
    pub fn text(&self) -> String {
        match self {
            Cell::Null => String::new(),
            Cell::Integer(number) => number.to_string(),
            Cell::Real(number) => number.to_string(),
            Cell::Text(text) => text.clone(),
            Cell::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Cell::Null => Value::Null,
            Cell::Integer(number) => json!(number),
            Cell::Real(number) => json!(number),
            Cell::Text(text) => json!(text),
            Cell::Bytes(_) => json!(self.text()),
        }
    }

    const fn is_number(&self) -> bool {
        matches!(self, Cell::Integer(_) | Cell::Real(_))
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Cell {
        Cell::Integer(number)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Cell {
        Cell::Real(number)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell::Null, Into::into)
    }
}

/// Rows under names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
    /// There were more rows, which were left out.
    pub cut: bool,
}

/// Widest column of a text table; longer values are cut, with a sign that they are.
const WIDTH_MAX: usize = 60;

impl Table {
    /// An empty one.
    pub fn new(columns: &[&str]) -> Table {
        Table { columns: columns.iter().map(|&name| name.to_owned()).collect(), ..Table::default() }
    }

    /// For people: columns in line, numbers to the right.
    pub fn text(&self) -> String {
        let cells: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| shown(&cell.text())).collect())
            .collect();
        let right: Vec<bool> = (0..self.columns.len())
            .map(|index| {
                let mut cells = self.rows.iter().filter_map(|row| row.get(index));
                cells.all(is_right)
            })
            .collect();
        let width = |index: usize| {
            let names = self.columns.get(index).map_or(0, |name| name.chars().count());
            let widest = cells.iter().filter_map(|row| row.get(index));
            widest.map(|text| text.chars().count()).max().unwrap_or(0).max(names)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |texts: &[String]| {
            let mut line = String::new();
            for ((text, &width), &right) in texts.iter().zip(&widths).zip(&right) {
                if !line.is_empty() {
                    line.push_str("  ");
                }
                let gap = " ".repeat(width.saturating_sub(text.chars().count()));
                let (before, after) =
                    if right { (gap, String::new()) } else { (String::new(), gap) };
                line.push_str(&format!("{before}{text}{after}"));
            }
            line.trim_end().to_owned() + "\n"
        };
        let mut text = line(&self.columns);
        let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
        text.push_str(&line(&rule));
        cells.iter().for_each(|row| text.push_str(&line(row)));
        text
    }

    /// With a header, after RFC 4180; nothing is an empty field, and empty text is `""`.
    pub fn csv(&self) -> String {
        let mut text = String::new();
        let names = self.columns.iter().map(|name| quoted(name)).collect::<Vec<_>>();
        text.push_str(&(names.join(",") + "\r\n"));
        for row in &self.rows {
            let fields = row.iter().map(|cell| match cell {
                Cell::Null => String::new(),
                Cell::Text(text) => quoted(text),
                other => other.text(),
            });
            text.push_str(&(fields.collect::<Vec<_>>().join(",") + "\r\n"));
        }
        text
    }

    /// An array of objects.
    pub fn json(&self) -> Value {
        let object = |row: &Vec<Cell>| {
            let pairs = self.columns.iter().cloned().zip(row.iter().map(Cell::json));
            Value::Object(pairs.collect::<Map<_, _>>())
        };
        Value::Array(self.rows.iter().map(object).collect())
    }
}

/// Numbers and nothing stand to the right; exact money is text and is a number all the same.
fn is_right(cell: &Cell) -> bool {
    match cell {
        Cell::Null => true,
        Cell::Text(text) => text.parse::<model::Decimal>().is_ok(),
        other => other.is_number(),
    }
}

fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && !text.contains([',', '"', '\n', '\r']);
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

fn shown(text: &str) -> String {
    let line = text.replace(['\n', '\r'], " ");
    if line.chars().count() <= WIDTH_MAX {
        return line;
    }
    let cut: String = line.chars().take(WIDTH_MAX - 1).collect();
    cut + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["name", "qty", "note"]);
        table.rows.push(vec!["a".into(), "0.50".into(), "says \"no\", then\nyes".into()]);
        table.rows.push(vec!["b".into(), Cell::Null, "".into()]);
        table.rows.push(vec!["c".into(), 7.into(), Cell::Null]);
        table
    }

    #[test]
    fn text_is_in_line() {
        assert_eq!(
            table().text(),
            "name   qty  note\n----  ----  -------------------\na     0.50  says \"no\", then yes\nb\nc        7\n"
        );
    }

    #[test]
    fn csv_keeps_what_json_keeps() {
        assert_eq!(
            table().csv(),
            "name,qty,note\r\na,0.50,\"says \"\"no\"\", then\nyes\"\r\nb,,\"\"\r\nc,7,\r\n"
        );
        assert_eq!(
            table().json(),
            json!([
                {"name": "a", "qty": "0.50", "note": "says \"no\", then\nyes"},
                {"name": "b", "qty": null, "note": ""},
                {"name": "c", "qty": 7, "note": null}
            ])
        );
    }
}
