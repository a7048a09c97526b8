//! pathline-study
