//! What users in edition 2021 may rely on: see `tests/`.
