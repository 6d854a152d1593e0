"""Care: what people read and change, checked, witnessed and committed. What the API and the pages call."""
