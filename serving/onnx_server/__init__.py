"""The ONNX Runtime server: Open Inference Protocol over REST and gRPC, without torch and without Java."""
