"""Names in a run folder, which training writes and export, samples, the report and the demo read.

training/README.md says what each holds.
"""

CONFIG = "config.yaml"
CHECKPOINTS = "checkpoints"
MODEL = "model"
CARD = "model.yaml"
"""In the model's folder, as the next."""
WEIGHTS = "weights.safetensors"
TOKENIZER = "tokenizer.json"
"""Of a model that takes text."""
ATTEMPTS = "attempts.jsonl"
METRICS = "metrics.jsonl"
CURVES = "curves.png"
CONFUSION = "confusion.png"
CONFUSION_TABLE = "confusion.csv"
PREDICTIONS = "predictions.png"
SAMPLES = "samples"
SAMPLES_TABLE = "samples.csv"
TRACE = "trace-{rank}.json"
