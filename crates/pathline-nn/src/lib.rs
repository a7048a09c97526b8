//! pathline-nn
