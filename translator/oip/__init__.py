"""The Open Inference Protocol (V2) dialect: named tensors over JSON. Pure; knows nothing of OpenAI."""
