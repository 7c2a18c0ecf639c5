//! What the tests of May share.
