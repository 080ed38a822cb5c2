"""All operations, by their names."""

from translator.operations.base import Operation
from translator.operations.chat.operation import CHAT
from translator.operations.embeddings.operation import EMBEDDINGS
from translator.operations.images import IMAGES

OPERATIONS: dict[str, Operation] = {
    operation.name: operation for operation in (CHAT, EMBEDDINGS, IMAGES)
}
