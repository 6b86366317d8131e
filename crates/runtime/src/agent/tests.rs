//! Real child processes: quiet ones, noisy ones, ones that end or hang.
