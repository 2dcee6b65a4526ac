"""Import: predictions and studies made elsewhere."""
