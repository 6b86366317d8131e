//! The feed in a session, on messages as the venue prints them.
