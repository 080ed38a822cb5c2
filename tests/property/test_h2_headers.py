"""Header blocks: any bytes are read or refused, and written blocks can be decoded."""

from hpack import Decoder
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.transport.h2.wire import REQUEST, Field
from translator.transport.h2 import headers
from translator.transport.h2.errors import ConnectionFault, ErrorCode
from translator.transport.h2.headers import HeaderReader, MalformedError

EMPTIED = b"\x20"  # no dynamic table from here on

FIELDS = st.lists(
    st.tuples(
        st.text(alphabet="abcxyz-", min_size=1), st.text(alphabet="abc 123%é").map(str.strip)
    ),
    max_size=6,
)


@given(blocks=st.lists(FIELDS, max_size=6), small=st.booleans())
def test_blocks_are_decoded_with_any_table_size(*, blocks: list[list[Field]], small: bool) -> None:
    decoder = Decoder()
    if small:
        decoder.max_allowed_table_size = 0
    for fields in blocks:
        written = headers.write(*fields)
        read = [
            (name.decode(), value.decode()) for name, value in decoder.decode(written, raw=True)
        ]
        assert read == fields
        assert decoder.header_table_size == 0


@given(garbage=st.binary(max_size=40), acknowledged=st.booleans())
def test_any_bytes_are_a_request_or_refused(*, garbage: bytes, acknowledged: bool) -> None:
    reader = HeaderReader(4096)
    if acknowledged:
        reader.settings_acknowledged()
    for encoded in (garbage, EMPTIED + garbage, REQUEST + garbage):
        try:
            assert reader.read(encoded)
        except ConnectionFault as fault:
            code = fault.code
        except MalformedError:
            continue
        else:
            continue
        assert code in {ErrorCode.COMPRESSION_ERROR, ErrorCode.ENHANCE_YOUR_CALM}
        return  # what follows such a block cannot be read
