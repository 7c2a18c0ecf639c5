//! Descriptors of any kind.

mod cancel_races;
mod descriptors;
mod pipe;
mod readiness;
mod streams;
