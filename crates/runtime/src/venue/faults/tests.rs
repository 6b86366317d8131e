//! Which fault strikes what: tables of cases over the pure part.
