"""The Open Inference Protocol (V2): named tensors in JSON. Pure; does not import ``openai/``."""
