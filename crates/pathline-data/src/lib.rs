//! pathline-data
