//! Runs every program as a user does, and looks at what it prints and how it ends.

#![cfg(unix)]

mod servers;
mod small;
mod support;
