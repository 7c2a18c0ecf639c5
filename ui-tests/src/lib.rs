//! What must not compile, and the messages that say why: see `tests/ui.rs`.
