"""What is served: versions of models, and how their requests become batches."""
