//! The fields of a line.

use std::ops::Range;

/// What stands between fields, by how often it occurs in a first line.
pub(crate) fn delimiter(line: &[u8]) -> u8 {
    let count = |byte: u8| memchr::memchr_iter(byte, line).count();
    let most = [b',', b';', b'\t', b'|'].into_iter().map(|byte| (count(byte), byte));
    // The last of equals wins, so the comma comes first and has to be beaten.
    most.fold((0, b','), |best, each| if each.0 > best.0 { each } else { best }).1
}

/// Splits a line. Spaces around a field and quotes are left out; a delimiter in quotes divides nothing.
pub(crate) fn split(line: &[u8], delimiter: u8, fields: &mut Vec<Range<usize>>) {
    fields.clear();
    if memchr::memchr(b'"', line).is_some() {
        return split_quoted(line, delimiter, fields);
    }
    let mut from = 0;
    for at in memchr::memchr_iter(delimiter, line) {
        fields.push(trim(line, from..at));
        from = at + 1;
    }
    fields.push(trim(line, from..line.len()));
}

fn split_quoted(line: &[u8], delimiter: u8, fields: &mut Vec<Range<usize>>) {
    let (mut from, mut quoted) = (0, false);
    for (at, byte) in line.iter().enumerate() {
        match *byte {
            b'"' => quoted = !quoted,
            byte if byte == delimiter && !quoted => {
                fields.push(unquote(line, from..at));
                from = at + 1;
            }
            _ => {}
        }
    }
    fields.push(unquote(line, from..line.len()));
}

fn unquote(line: &[u8], field: Range<usize>) -> Range<usize> {
    let field = trim(line, field);
    match line[field.clone()] {
        [b'"', .., b'"'] => trim(line, field.start + 1..field.end - 1),
        _ => field,
    }
}

fn trim(line: &[u8], mut field: Range<usize>) -> Range<usize> {
    while field.start < field.end && matches!(line[field.start], b' ' | b'\t') {
        field.start += 1;
    }
    while field.start < field.end && matches!(line[field.end - 1], b' ' | b'\t') {
        field.end -= 1;
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<&str> {
        let delimiter = delimiter(line.as_bytes());
        let mut fields = Vec::new();
        split(line.as_bytes(), delimiter, &mut fields);
        fields.into_iter().map(|field| &line[field]).collect()
    }

    #[test]
    fn splits_what_people_write() {
        assert_eq!(of("1,2,3"), ["1", "2", "3"]);
        assert_eq!(of("1, 2 ,"), ["1", "2", ""]);
        assert_eq!(of("1;2,5;3"), ["1", "2,5", "3"]);
        assert_eq!(of("1\t2\t3"), ["1", "2", "3"]);
        assert_eq!(of("\"a\",\"b,c\", \"\""), ["a", "b,c", ""]);
        assert_eq!(of("alone"), ["alone"]);
        assert_eq!(of(""), [""]);
    }
}
