"""The Open Inference Protocol (V2): named tensors over JSON. Pure; knows nothing of OpenAI."""
