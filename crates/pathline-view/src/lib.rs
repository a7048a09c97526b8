//! pathline-view
