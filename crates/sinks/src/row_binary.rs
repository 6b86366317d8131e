//! Rows as ClickHouse's `RowBinary`: each value as it lies in memory there, so nothing is parsed and a decimal
//! is the same 128-bit count of 10⁻¹⁸ that we have.
//!
//! Source: ClickHouse documentation, "RowBinary" and "Decimal(P, S)", read 2026-08-21.

use crate::row::Row;
use crate::schema::{self, COLUMNS, Type, Value};

const NANOS: i64 = 1_000_000_000;

/// Adds a row. `fine` servers keep nanoseconds in a time, others seconds.
pub(crate) fn add(row: &Row, fine: bool, into: &mut Vec<u8>) {
    schema::values(row, |column, value| match value {
        Value::Text(text) => {
            length(text.len(), into);
            into.extend_from_slice(text.as_bytes());
        }
        Value::Number(number) => {
            if COLUMNS[column].holds == Type::MaybeNumber {
                into.push(u8::from(number.is_none()));
            }
            if let Some(number) = number {
                into.extend_from_slice(&number.to_le_bytes());
            }
        }
        Value::Nanos(nanos) if COLUMNS[column].holds == Type::Nanos || fine => {
            into.extend_from_slice(&nanos.to_le_bytes());
        }
        Value::Nanos(nanos) => {
            // Of 1970 to 2106; what is outside is shown at the edge, and `at` is exact.
            let seconds = nanos.div_euclid(NANOS).clamp(0, i64::from(u32::MAX));
            into.extend_from_slice(&u32::try_from(seconds).unwrap_or(0).to_le_bytes());
        }
        Value::Decimal(number) => {
            into.push(u8::from(number.is_none()));
            if let Some(number) = number {
                into.extend_from_slice(&number.count().to_le_bytes());
            }
        }
        Value::Flag(flag) => {
            into.push(u8::from(flag.is_none()));
            if let Some(flag) = flag {
                into.push(u8::from(flag));
            }
        }
    });
}

/// Seven bits a byte, the lowest first.
fn length(mut length: usize, into: &mut Vec<u8>) {
    while length >= 0x80 {
        into.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    into.push(length as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_seven_bits_a_byte() {
        for (number, bytes) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[128, 1]),
            (300, &[0xac, 2]),
            (16_384, &[128, 128, 1]),
        ] {
            let mut into = Vec::new();
            length(number, &mut into);
            assert_eq!(into, bytes, "{number}");
        }
    }
}
