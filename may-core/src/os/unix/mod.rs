//! What systems of Unix's kind have.

pub mod net;
