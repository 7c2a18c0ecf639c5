//! `select!`, the engine below it, and what stands beside it.

mod arms;
mod cqueue;
mod custom;
mod engine;
mod examples;
mod grammar;
mod operations;
mod storm;
mod trees;
