"""Names, labels and buckets of the metrics of both servers, so that one dashboard reads both."""

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Upper bounds in seconds."""
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
SIZES = tuple(2**power for power in range(3, 21))
"""From some tokens to a minute of sound."""
MODEL = ("model", "version")
"""Labels."""
LABEL = (*MODEL, "head", "label")
AXIS = (*MODEL, "axis")
PREDICTIONS = (
    "torchferry_serve_predictions",
    "Labels that samples were answered with; of a classifier the most probable one",
)
TRAINING_SHARES = (
    "torchferry_serve_training_label_ratio",
    "Share of a label among all of its head that the training samples have, 0..1",
)
"""Names and texts of what shows drift."""
AXIS_SIZE = (
    "torchferry_serve_axis_size",
    "Sizes of computed samples on an axis that varies, such as tokens",
)
ELEMENTS = ("torchferry_serve_elements", "Elements of samples on axes that vary, such as tokens, without padding")
PADDING = ("torchferry_serve_padding_elements", "Elements that were computed besides, behind shorter samples")
"""Names and texts of what samples of unequal sizes are counted by."""
