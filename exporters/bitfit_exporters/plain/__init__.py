"""A pack and its base as a plain ONNX model of one task, in the hub's layout: `write_plain_model`."""
