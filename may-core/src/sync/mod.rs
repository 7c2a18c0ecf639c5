//! Synchronisation.
