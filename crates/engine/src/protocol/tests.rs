//! Lines there and back, and lines that are none.
