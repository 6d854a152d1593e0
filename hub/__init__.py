"""The hub between hospitals, public health and family-doctor teams."""
