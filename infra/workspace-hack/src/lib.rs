//! Empty. The manifest asks for the features.
