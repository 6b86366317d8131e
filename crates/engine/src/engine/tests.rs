//! Gateway and strategy in one process: who hears what, in which order.
