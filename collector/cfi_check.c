/* Why: collector/cfi_check.h. Context: worker. DWARF 5 sections 6.4.2 and 7.24; LSB core specification 10.6.1 for .eh_frame. */
#include "collector/cfi_check.h"

#include <string.h>

#include "base/error.h"

enum {
    LENGTH_BYTES = 4,
    LENGTH_IS_64_BIT = 0xfffffff0, /* and above: the 64-bit format, which no linker writes into .eh_frame */
    REGISTERS = 17,
    RA_COLUMN = 16,
    REMEMBERED_MAX = 64,
    EXPRESSION_BYTES_MAX = 64,
    CIE_BYTES_MAX = 1024, /* it is read again for each function that refers to it */
    AUGMENTATION_MAX = 8,
    LEB_BYTES_MAX = 10,
    ENCODING_OMIT = 0xff,
};

/* A part of the bytes that is read from front to back; `bad` stays set once a read went past the end. */
struct reader {
    const uint8_t *at, *end;
    bool bad;
};

static uint64_t read_fixed(struct reader *reader, size_t bytes)
{
    uint64_t value = 0;
    if ((size_t)(reader->end - reader->at) < bytes) {
        reader->bad = true;
        return 0;
    }
    memcpy(&value, reader->at, bytes);
    reader->at += bytes;
    return value;
}

/* Only the lowest 64 bits; longer ones are refused. Signed ones are read as their bits without the extension. */
static uint64_t read_leb(struct reader *reader)
{
    uint64_t value = 0;
    for (int i = 0; i < LEB_BYTES_MAX; i++) {
        uint8_t byte = (uint8_t)read_fixed(reader, 1);
        if (i < 9)
            value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0)
            return value;
    }
    reader->bad = true;
    return 0;
}

static struct reader read_block(struct reader *reader, uint64_t bytes)
{
    struct reader block = {.at = reader->at, .end = reader->at};
    if (bytes > (uint64_t)(reader->end - reader->at)) {
        reader->bad = true;
        return block;
    }
    reader->at += bytes;
    block.end = reader->at;
    return block;
}

/* Bytes of a pointer in `encoding`; 0: one that is refused (LEB128, aligned, relative to what is not known here). */
static size_t pointer_bytes(uint8_t encoding)
{
    static const uint8_t by_format[16] = {8, 0, 2, 4, 8, 0, 0, 0, 0, 0, 2, 4, 8, 0, 0, 0};
    return (encoding & 0x60) == 0 ? by_format[encoding & 15] : 0;
}

/* An expression may only do what straight-line address arithmetic needs. No jump: it could loop; no division: it could trap. */
static bool check_expression(struct reader expression)
{
    if (expression.end - expression.at > EXPRESSION_BYTES_MAX || expression.at == expression.end)
        return false;
    while (expression.at < expression.end && !expression.bad) {
        uint8_t op = (uint8_t)read_fixed(&expression, 1);
        static const uint8_t plain[] = {0x06, 0x12, 0x1a, 0x1c, 0x1e, 0x22, 0x24, 0x25, 0x96};
        bool is_plain = memchr(plain, op, sizeof plain) != NULL; /* deref, dup, and, minus, mul, plus, shl, shr, nop */
        if (is_plain || (op >= 0x30 && op <= 0x4f) || (op >= 0x29 && op <= 0x2e))
            continue;                                     /* also: lit0 to lit31, comparisons */
        if ((op >= 0x70 && op <= 0x80) || op == 0x23 || op == 0x10 || op == 0x11)
            read_leb(&expression);                        /* breg0 to breg16, plus_uconst, constu, consts */
        else if (op >= 0x08 && op <= 0x0f)
            read_fixed(&expression, (size_t)1 << ((op - 8) / 2)); /* const1u to const8s */
        else
            return false;
    }
    return !expression.bad;
}

/* What instructions may refer to and must have done. */
struct instructions {
    bool is_cie;
    bool has_cfa;          /* the frame address has a rule: libunwind must not be asked before */
    int remembered;
};

static bool check_block(struct reader *reader)
{
    struct reader block = read_block(reader, read_leb(reader));
    return !reader->bad && check_expression(block);
}

/* One instruction whose opcode is in the low six bits. */
static bool check_extended(struct reader *reader, uint8_t op, struct instructions *state)
{
    switch (op) {
    case 0x00: return true;                                                               /* nop */
    case 0x02: read_fixed(reader, 1); return !state->is_cie && state->has_cfa;            /* advance_loc1 */
    case 0x03: read_fixed(reader, 2); return !state->is_cie && state->has_cfa;
    case 0x04: read_fixed(reader, 4); return !state->is_cie && state->has_cfa;
    case 0x05: case 0x11: case 0x2f: read_leb(reader); read_leb(reader); return true;     /* offset_extended, _sf, negative */
    case 0x06: case 0x07: case 0x08: case 0x0e: case 0x13: case 0x2e: read_leb(reader); return true;
    case 0x09: read_leb(reader); return read_leb(reader) < REGISTERS;                     /* register */
    case 0x0a: return ++state->remembered <= REMEMBERED_MAX && state->has_cfa;            /* remember_state */
    case 0x0b: return state->remembered-- > 0;                                            /* restore_state */
    case 0x0c: case 0x12: read_leb(reader); read_leb(reader); state->has_cfa = true; return true; /* def_cfa, _sf */
    case 0x0d: read_leb(reader); return state->has_cfa;                                   /* def_cfa_register */
    case 0x0f: state->has_cfa = true; return check_block(reader);                         /* def_cfa_expression */
    case 0x10: case 0x16: read_leb(reader); return check_block(reader);                   /* expression, val_expression */
    default: return false; /* set_loc, val_offset, other machines': libunwind refuses them, or compilers do not use them */
    }
}

/* *has_cfa: before, and after. */
static bool check_instructions(struct reader reader, bool is_cie, bool *has_cfa)
{
    struct instructions state = {.is_cie = is_cie, .has_cfa = *has_cfa};
    while (reader.at < reader.end && !reader.bad) {
        uint8_t op = (uint8_t)read_fixed(&reader, 1);
        bool good = true;
        if (op >> 6 == 1)
            good = !is_cie && state.has_cfa;         /* advance_loc */
        else if (op >> 6 == 2)
            read_leb(&reader);                       /* offset */
        else if (op >> 6 == 0)
            good = check_extended(&reader, op, &state);
        if (!good)
            return false;
    }
    *has_cfa = state.has_cfa;
    return !reader.bad && (!is_cie || state.remembered == 0);
}

/* The entry at `address`: its bytes after the length; false: there is none. */
static bool open_entry(const struct pando_cfi_bytes *frame, uint64_t address, struct reader *ret_reader)
{
    if (address < frame->address || address - frame->address > frame->len_bytes)
        return false;
    const uint8_t *at = frame->bytes + (address - frame->address);
    struct reader all = {.at = at, .end = frame->bytes + frame->len_bytes};
    uint64_t length = read_fixed(&all, LENGTH_BYTES);
    *ret_reader = read_block(&all, length);
    return !all.bad && length >= LENGTH_BYTES && length < LENGTH_IS_64_BIT;
}

static int check_augmentation(struct reader *reader, const uint8_t *letters, struct pando_cfi_cie *cie)
{
    cie->fde_encoding = 0; /* an absolute address */
    cie->is_sized = letters[0] == 'z';
    if (!cie->is_sized)
        return letters[0] == '\0' ? 0 : PANDO_ERR_SYNTAX;
    struct reader data = read_block(reader, read_leb(reader));
    for (letters++; *letters != '\0'; letters++) {
        uint8_t encoding = *letters == 'S' ? 0 : (uint8_t)read_fixed(&data, 1);
        if (*letters == 'R')
            cie->fde_encoding = encoding;
        else if (*letters == 'P' && encoding != ENCODING_OMIT && pointer_bytes(encoding) != 0)
            read_fixed(&data, pointer_bytes(encoding));
        else if ((*letters != 'P' || encoding != ENCODING_OMIT) && *letters != 'L' && *letters != 'S')
            return PANDO_ERR_SYNTAX;
    }
    /* libunwind begins with the instructions where the letters' data ends, whatever the length says. */
    return reader->bad || data.bad || data.at != data.end ? PANDO_ERR_SYNTAX : 0;
}

static int check_cie(const struct pando_cfi_bytes *frame, struct pando_cfi_cie *cie)
{
    struct reader reader;
    if (!open_entry(frame, cie->address, &reader) || reader.end - reader.at > CIE_BYTES_MAX || read_fixed(&reader, 4) != 0)
        return PANDO_ERR_SYNTAX;
    uint64_t version = read_fixed(&reader, 1);
    const uint8_t *letters = reader.at;
    size_t rest = (size_t)(reader.end - reader.at);
    const uint8_t *letters_end = memchr(letters, 0, rest < AUGMENTATION_MAX ? rest : AUGMENTATION_MAX);
    if ((version != 1 && version != 3) || letters_end == NULL)
        return PANDO_ERR_SYNTAX;
    reader.at = letters_end + 1;
    uint64_t code_align = read_leb(&reader);
    uint64_t data_align = read_leb(&reader);
    uint64_t ra_column = version == 1 ? read_fixed(&reader, 1) : read_leb(&reader);
    if (reader.bad || code_align != 1 || data_align != 0x78 /* -8 */ || ra_column != RA_COLUMN ||
        check_augmentation(&reader, letters, cie) != 0)
        return PANDO_ERR_SYNTAX;
    bool usable = pointer_bytes(cie->fde_encoding) >= 4 && (cie->fde_encoding & 0x80) == 0;
    cie->has_cfa = false;
    return usable && check_instructions(reader, true, &cie->has_cfa) ? 0 : PANDO_ERR_SYNTAX;
}

static uint64_t read_pointer(struct reader *reader, uint8_t encoding, uint64_t own_address)
{
    size_t bytes = pointer_bytes(encoding);
    uint64_t value = read_fixed(reader, bytes);
    if (bytes == 4 && (encoding & 8) != 0)
        value = (uint64_t)(int64_t)(int32_t)value;
    if ((encoding & 0x70) == 0x10 && value != 0) /* zero is always absolute */
        value += own_address;
    return value;
}

int pando_cfi_check(const struct pando_cfi_bytes *frame, uint64_t fde_address, struct pando_cfi_cie *cie,
                    struct pando_cfi_function *ret_function)
{
    struct reader reader;
    *ret_function = (struct pando_cfi_function){.scanned_bytes = LENGTH_BYTES};
    if (!open_entry(frame, fde_address, &reader))
        return PANDO_ERR_NOT_FOUND;
    ret_function->scanned_bytes = (size_t)(reader.end - reader.at) + LENGTH_BYTES;
    uint64_t id = read_fixed(&reader, 4);
    if (id == 0)
        return PANDO_ERR_NOT_FOUND;
    uint64_t cie_address = fde_address + LENGTH_BYTES - (uint64_t)(int64_t)(int32_t)id;
    if (!cie->is_known || cie->address != cie_address) {
        *cie = (struct pando_cfi_cie){.address = cie_address, .is_known = true};
        cie->error = check_cie(frame, cie);
        ret_function->scanned_bytes += LENGTH_BYTES;
    }
    if (cie->error != 0)
        return cie->error;
    uint64_t start = read_pointer(&reader, cie->fde_encoding, frame->address + (uint64_t)(reader.at - frame->bytes));
    uint64_t range = read_pointer(&reader, cie->fde_encoding & 0x0f, 0);
    if (cie->is_sized)
        read_block(&reader, read_leb(&reader));
    bool has_cfa = cie->has_cfa;
    if (reader.bad || range == 0 || start + range < start || !check_instructions(reader, false, &has_cfa) || !has_cfa)
        return PANDO_ERR_SYNTAX;
    ret_function->start = start;
    ret_function->end = start + range;
    return 0;
}

uint64_t pando_cfi_next(const struct pando_cfi_bytes *frame, uint64_t address)
{
    struct reader reader;
    if (!open_entry(frame, address, &reader))
        return 0;
    return frame->address + (uint64_t)(reader.end - frame->bytes);
}
