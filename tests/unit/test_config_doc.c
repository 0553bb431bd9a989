// SPDX-License-Identifier: MIT
/*
 * The tables of docs/guest-cfg.md, the JSON Schema of the JSON view and the installed header machcfg.h agree with
 * runtime/layout/machcfg_layout.h. UPDATE=1 in the environment writes all three again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MACH_CFG_GENERATE
#include "machcfg_layout.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct set {
    const char *name, *doc;
    int flags;
    const struct mach_cfg_word *words;
    uint32_t n;
} sets[] = {
#define SET(set, doc, flags) {#set, doc, flags, mach_cfg_words_##set, MACH_CFG_NWORDS_(set)},
    MACH_CFG_SETS(SET)
#undef SET
};

static const char *section_name(uint32_t type)
{
    return mach_cfg_sections[type - MACH_CFG_S_MACHINE].name;
}

/* ---- docs/guest-cfg.md ---- */

static void print_kind(FILE *f, const struct mach_cfg_field *field)
{
    static const char *const words[] = {
        [MACH_CFG_K_NUM] = "number",     [MACH_CFG_K_HEX] = "address",    [MACH_CFG_K_OPT] = "optional",
        [MACH_CFG_K_STR] = "string",     [MACH_CFG_K_REF] = "index of",   [MACH_CFG_K_OWNER] = "owner",
        [MACH_CFG_K_FIRST] = "first of", [MACH_CFG_K_COUNT] = "count of", [MACH_CFG_K_ENUM] = "one of",
        [MACH_CFG_K_FLAGS] = "flags of", [MACH_CFG_K_ZERO] = "reserved",  [MACH_CFG_K_BYTES] = "bytes",
    };
    fputs(words[field->kind], f);
    if (field->set)
        fprintf(f, " %s", field->set);
    else if (field->section && field->kind != MACH_CFG_K_STR)
        fprintf(f, " %s", section_name(field->section));
}

static void print_fields(FILE *f, const struct mach_cfg_field *fields, size_t n)
{
    fputs("| offset | size | field | kind | |\n|---:|---:|---|---|---|\n", f);
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "| %u | %u | `%s` | ", fields[i].offset, fields[i].size, fields[i].name);
        print_kind(f, &fields[i]);
        fprintf(f, " | %s |\n", fields[i].doc);
    }
}

static void print_block(FILE *f, const char *block)
{
    if (!strcmp(block, "header")) {
        print_fields(f, mach_cfg_fields_header, sizeof mach_cfg_fields_header / sizeof mach_cfg_fields_header[0]);
    } else if (!strcmp(block, "entry")) {
        print_fields(f, mach_cfg_fields_entry, sizeof mach_cfg_fields_entry / sizeof mach_cfg_fields_entry[0]);
    } else if (!strcmp(block, "records")) {
        for (uint32_t i = 0; i < MACH_CFG_NSECTIONS; i++) {
            const struct mach_cfg_section_info *s = &mach_cfg_sections[i];
            fprintf(f, "### Section %u: `%s`, %u bytes\n\n%s\n\n", s->type, s->name, s->record_size, s->doc);
            print_fields(f, s->fields, s->nfields);
            fputs(i + 1 < MACH_CFG_NSECTIONS ? "\n" : "", f);
        }
    } else if (!strcmp(block, "sets")) {
        for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
            fprintf(f, "### Set `%s`: %s\n\n| value | word | |\n|---:|---|---|\n", sets[i].name, sets[i].doc);
            for (uint32_t k = 0; k < sets[i].n; k++)
                fprintf(f, sets[i].flags ? "| 0x%x | `%s` | %s |\n" : "| %u | `%s` | %s |\n", sets[i].words[k].value,
                        sets[i].words[k].word, sets[i].words[k].doc);
            fputs(i + 1 < sizeof sets / sizeof sets[0] ? "\n" : "", f);
        }
    } else {
        fail_msg("docs/guest-cfg.md: unknown block %s", block);
    }
}

// Regenerates everything between `<!-- begin X -->` and `<!-- end X -->` of the document.
static char *document(const char *old)
{
    static const char begin[] = "<!-- begin ", end[] = "<!-- end ";
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    unsigned blocks = 0;
    for (const char *at = old; *at;) {
        size_t n = strcspn(at, "\n");
        n += at[n] == '\n';
        fwrite(at, 1, n, f);
        if (!strncmp(at, begin, strlen(begin))) {
            char block[32] = "";
            assert_int_equal(sscanf(at + strlen(begin), "%31s", block), 1);
            fputs("\n", f);
            print_block(f, block);
            fputs("\n", f);
            at = strstr(at, end);
            assert_non_null(at);
            blocks++;
        } else {
            at += n;
        }
    }
    fclose(f);
    assert_int_equal(blocks, 4);
    return text;
}

/* ---- schemas/json/config.schema.json ---- */

static void print_words(FILE *f, const struct mach_cfg_field *field)
{
    fputs("\"enum\": [", f);
    for (uint32_t i = 0; i < field->nwords; i++)
        fprintf(f, "%s\"%s\"", i ? ", " : "", field->words[i].word);
    fputs("]", f);
}

static void print_property(FILE *f, const struct mach_cfg_field *field)
{
    static const char *const types[] = {
        [MACH_CFG_K_NUM] = "number",   [MACH_CFG_K_STR] = "string",   [MACH_CFG_K_REF] = "optional",
        [MACH_CFG_K_OWNER] = "number", [MACH_CFG_K_FIRST] = "number", [MACH_CFG_K_COUNT] = "number",
    };
    const char *wide = field->size == 8 ? "64" : "32";
    fprintf(f, "          \"%s\": {", field->name);
    if (field->kind == MACH_CFG_K_HEX)
        fprintf(f, "\"$ref\": \"#/definitions/address%s\"", wide);
    else if (field->kind == MACH_CFG_K_OPT)
        fprintf(f, "\"$ref\": \"#/definitions/optional%s\"", field->size == 8 ? "64" : "");
    else if (field->kind == MACH_CFG_K_ENUM)
        print_words(f, field);
    else if (field->kind == MACH_CFG_K_FLAGS) {
        fputs("\"type\": \"array\", \"uniqueItems\": true, \"items\": {", f);
        print_words(f, field);
        fputs("}", f);
    } else
        fprintf(f, "\"$ref\": \"#/definitions/%s\"", types[field->kind]);
    if (*field->doc)
        // A $ref hides keys next to it (draft-07, 8.3), so the text goes where a reader of the file finds it.
        fprintf(f, ", \"description\": \"%s\"", field->doc);
    fputs("}", f);
}

static void print_section(FILE *f, const struct mach_cfg_section_info *s)
{
    fprintf(f, "    \"%s\": {\n      \"type\": \"array\",\n      \"description\": \"%s\",\n", s->name, s->doc);
    if (s->type == MACH_CFG_S_MACHINE)
        fputs("      \"minItems\": 1,\n      \"maxItems\": 1,\n", f);
    fputs("      \"items\": {\n        \"type\": \"object\",\n        \"additionalProperties\": false,\n", f);
    fputs("        \"required\": [", f);
    const char *between = "";
    for (uint32_t i = 0; i < s->nfields; i++) {
        if (s->fields[i].kind == MACH_CFG_K_ZERO)
            continue;
        fprintf(f, "%s\"%s\"", between, s->fields[i].name);
        between = ", ";
    }
    fputs("],\n        \"properties\": {\n", f);
    between = "";
    for (uint32_t i = 0; i < s->nfields; i++) {
        if (s->fields[i].kind == MACH_CFG_K_ZERO)
            continue;
        fputs(between, f);
        print_property(f, &s->fields[i]);
        between = ",\n";
    }
    fputs("\n        }\n      }\n    }", f);
}

static char *schema(void)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    fputs(
        "{\n  \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
        "  \"title\": \"JSON view of guest.cfg\",\n"
        "  \"description\": \"What machc --emit=json and machrt show --json print. Generated from machcfg_layout.h by "
        "tests/unit/test_config_doc.c.\",\n"
        "  \"type\": \"object\",\n  \"additionalProperties\": false,\n  \"required\": [\"format\", \"version\", "
        "\"dtb\"",
        f);
    for (uint32_t i = 0; i < MACH_CFG_NSECTIONS; i++)
        fprintf(f, ", \"%s\"", mach_cfg_sections[i].name);
    fputs("],\n  \"definitions\": {\n"
          "    \"number\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 4294967295},\n"
          "    \"optional\": {\"type\": [\"integer\", \"null\"], \"minimum\": 0, \"maximum\": 4294967294},\n"
          "    \"address32\": {\"type\": \"string\", \"pattern\": \"^0x(0|[1-9a-f][0-9a-f]{0,7})$\"},\n"
          "    \"address64\": {\"type\": \"string\", \"pattern\": \"^0x(0|[1-9a-f][0-9a-f]{0,15})$\"},\n"
          "    \"optional64\": {\"type\": [\"string\", \"null\"], \"pattern\": \"^0x(0|[1-9a-f][0-9a-f]{0,15})$\"},\n"
          "    \"string\": {\"type\": [\"string\", \"null\"], \"minLength\": 1}\n  },\n"
          "  \"properties\": {\n"
          "    \"format\": {\"const\": \"guest.cfg\"},\n"
          "    \"version\": {\"type\": \"string\", \"pattern\": \"^1\\\\.[0-9]+$\"},\n"
          "    \"dtb\": {\n      \"type\": \"object\",\n      \"additionalProperties\": false,\n"
          "      \"required\": [\"size\", \"sha256\"],\n      \"properties\": {\n"
          "        \"size\": {\"$ref\": \"#/definitions/address64\"},\n"
          "        \"sha256\": {\"type\": \"string\", \"pattern\": \"^[0-9a-f]{64}$\"}\n      }\n    }",
          f);
    for (uint32_t i = 0; i < MACH_CFG_NSECTIONS; i++) {
        fputs(",\n", f);
        print_section(f, &mach_cfg_sections[i]);
    }
    fputs("\n  }\n}\n", f);
    fclose(f);
    return text;
}

/* ---- runtime/include/machcfg.h ---- */

static const char header_begin[] =
    "// SPDX-License-Identifier: MIT\n"
    "/*\n"
    " * guest.cfg: sections, records and their fields. Generated from runtime/layout/machcfg_layout.h by\n"
    " * `make update-layout`: change that instead. docs/guest-cfg.md describes the format.\n"
    " *\n"
    " * mach_config_file() of machrt.h gives the sections of a verified config. Every function here takes constant "
    "time,\n"
    " * cannot fail and may be called from any thread. mach_cfg_RECORD_FIELD() returns the value of a field. A field "
    "that\n"
    " * the record of an older file is too short to have reads as \"none\" where the field is optional, else as 0; so "
    "do\n"
    " * all fields of a record that does not exist.\n"
    " */\n"
    "// clang-format off\n"
    "#ifndef MACHCFG_H\n"
    "#define MACHCFG_H\n\n"
    "#include <stdint.h>\n\n"
    "#ifdef __cplusplus\n"
    "extern \"C\" {\n"
    "#endif\n\n"
    "#ifndef MACHRT_API\n"
    "#define MACHRT_API __attribute__((visibility(\"default\")))\n"
    "#endif\n\n"
    "/* The version of the format that this header describes. */\n"
    "enum {";

static const char header_middle[] =
    "\n/* \"None\" in an optional or an index field of 32 bits, and in an optional one of 64. */\n"
    "#define MACH_CFG_NONE   UINT32_C(0xffffffff)\n"
    "#define MACH_CFG_NONE64 UINT64_C(0xffffffffffffffff)\n\n"
    "/* The sections of a config. It belongs to the config and ends with it. */\n"
    "struct mach_cfg_file;\n\n"
    "/* A record, where it lies in the config: good until that is closed. */\n"
    "struct mach_cfg_rec {\n"
    "    const uint8_t *at; // NULL: it does not exist\n"
    "    uint32_t size;     // bytes\n"
    "};\n\n"
    "/* The number of records in a section (enum mach_cfg_section_type); of MACH_CFG_S_STRINGS, of bytes. */\n"
    "MACHRT_API uint32_t mach_cfg_count(const struct mach_cfg_file *f, uint32_t section);\n"
    "/* Record `i` of a section, counted from 0. */\n"
    "MACHRT_API struct mach_cfg_rec mach_cfg_record(const struct mach_cfg_file *f, uint32_t section, uint32_t i);\n"
    "/* The string at an offset that a string field holds, with a NUL at its end; \"\" for none, which is 0. */\n"
    "MACHRT_API const char *mach_cfg_string(const struct mach_cfg_file *f, uint32_t offset);\n";

static void print_upper(FILE *f, const char *name)
{
    for (; *name; name++)
        fputc(toupper((unsigned char)*name), f);
}

// What a field's value is, for the comment on its function.
static void print_meaning(FILE *f, const struct mach_cfg_field *field)
{
    static const char *const words[] = {
        [MACH_CFG_K_NUM] = "a number",
        [MACH_CFG_K_HEX] = "an address or a size",
        [MACH_CFG_K_OPT] = "a number, or none",
        [MACH_CFG_K_STR] = "the offset of a string, or 0",
        [MACH_CFG_K_REF] = "the index of a record, or none: section ",
        [MACH_CFG_K_OWNER] = "the index of a record: section ",
        [MACH_CFG_K_FIRST] = "the index of the first of a row of records: section ",
        [MACH_CFG_K_COUNT] = "a number of records: section ",
        [MACH_CFG_K_ENUM] = "enum mach_cfg_",
        [MACH_CFG_K_FLAGS] = "flags of enum mach_cfg_",
    };
    fprintf(f, "/* %s%s(%s", field->doc, *field->doc ? " " : "", words[field->kind]);
    if (field->set)
        fputs(field->set, f);
    else if (field->section && field->kind != MACH_CFG_K_STR)
        print_upper(f, section_name(field->section));
    fputs(") */\n", f);
}

static void print_accessors(FILE *f, const struct mach_cfg_section_info *s)
{
    fprintf(f, "\n/* ---- %s: %s ---- */\n\n", s->name, s->doc);
    for (uint32_t i = 0; i < s->nfields; i++) {
        const struct mach_cfg_field *field = &s->fields[i];
        if (field->kind == MACH_CFG_K_ZERO)
            continue;
        print_meaning(f, field);
        fprintf(f, "MACHRT_API %s mach_cfg_%s_%s(struct mach_cfg_rec r);\n", field->size == 8 ? "uint64_t" : "uint32_t",
                s->name, field->name);
    }
}

#define ENUMERATOR_NAME(set, name, value, word, doc) #name,
#define SET_NAMES(set, doc, flags)                   MACH_CFG_SET_##set(ENUMERATOR_NAME)
static const char *const enumerators[] = {MACH_CFG_SETS(SET_NAMES)};

static void print_enums(FILE *f)
{
    fputs("\n/* ---- sections ---- */\n\nenum mach_cfg_section_type {\n"
          "    MACH_CFG_S_STRINGS = 1, // the string table\n",
          f);
    for (uint32_t i = 0; i < MACH_CFG_NSECTIONS; i++) {
        fputs("    MACH_CFG_S_", f);
        print_upper(f, mach_cfg_sections[i].name);
        fprintf(f, " = %u, // %s\n", mach_cfg_sections[i].type, mach_cfg_sections[i].doc);
    }
    fprintf(f, "    MACH_CFG_S_END = %u // one more than the last that this header knows\n};\n\n", MACH_CFG_S_END);
    fputs("/* ---- values of fields ---- */\n", f);
    const char *const *name = enumerators;
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        fprintf(f, "\n/* %c%s */\nenum mach_cfg_%s {\n", toupper((unsigned char)*sets[i].doc), sets[i].doc + 1,
                sets[i].name);
        for (uint32_t k = 0; k < sets[i].n; k++) {
            const struct mach_cfg_word *w = &sets[i].words[k];
            fprintf(f, sets[i].flags ? "    MACH_CFG_%s = 0x%x%s // %s: %s\n" : "    MACH_CFG_%s = %u%s // %s: %s\n",
                    *name++, w->value, k + 1 < sets[i].n ? "," : "", w->word, w->doc);
        }
        fputs("};\n", f);
    }
}

static char *header(void)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    fputs(header_begin, f);
    const char *before = "";
#define PRINT_VERSION(name, value)                                                                                     \
    fprintf(f, "%s MACH_CFG_" #name " = %d", before, value);                                                           \
    before = ",";
    MACH_CFG_VERSION_NUMBERS(PRINT_VERSION)
#undef PRINT_VERSION
    fputs(" };\n", f);
    fputs(header_middle, f);
    print_enums(f);
    for (uint32_t i = 0; i < MACH_CFG_NSECTIONS; i++)
        print_accessors(f, &mach_cfg_sections[i]);
    fputs("\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n", f);
    fclose(f);
    return text;
}

/* ---- tests ---- */

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s: cannot be read; unit tests run in the top directory", path);
    char *s = calloc(1, 1 << 20);
    assert_non_null(s);
    assert_true(fread(s, 1, (1 << 20) - 1, f) < (1 << 20) - 1);
    fclose(f);
    return s;
}

static void expect_file(const char *path, const char *text)
{
    if (getenv("UPDATE")) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
    }
    char *is = slurp(path);
    assert_string_equal(is, text);
    free(is);
}

static void test_document(void **state)
{
    (void)state;
    char *old = slurp("docs/guest-cfg.md"), *text = document(old);
    expect_file("docs/guest-cfg.md", text);
    free(old);
    free(text);
}

static void test_schema(void **state)
{
    (void)state;
    char *text = schema();
    expect_file("schemas/json/config.schema.json", text);
    free(text);
}

static void test_header(void **state)
{
    (void)state;
    char *text = header();
    expect_file("runtime/include/machcfg.h", text);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_document), cmocka_unit_test(test_schema),
                                       cmocka_unit_test(test_header)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
