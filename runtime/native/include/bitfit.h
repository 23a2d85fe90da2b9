/* bitfit-edge in C: one frozen base, many small packs, answers of any task for any row.
 *
 * Text is UTF-8 and comes with its size, so that it may hold any character. Offsets are given twice: in bytes of that
 * UTF-8, which C and Rust cut by, and in code points, which Python counts. Java, C# and JavaScript count units of
 * UTF-16; a binding turns bytes into those.
 *
 * Ownership: what a function gives through a pointer to a pointer is the caller's, to be given back to the function
 * that its comment names. Texts, paths and packs are read during the call alone; nothing of them is kept by address.
 *
 * Threads: an engine may be used from several threads at once, but by none while or after it is closed. A call runs
 * with the packs that were installed when it began. Answers are read-only and belong to no thread.
 *
 * Errors: every function that can fail returns a status; `bitfit_error` then says in one line what was expected, what
 * was found and what to do next. What was installed before still answers.
 */
#ifndef BITFIT_H
#define BITFIT_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define BITFIT_API
#else
#define BITFIT_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum bitfit_status {
  BITFIT_OK = 0,
  BITFIT_BASE_NOT_FOUND = 1, /* no base in that folder */
  BITFIT_BASE_FORMAT = 2,    /* its manifest is malformed or of a newer schema */
  BITFIT_BASE_INTEGRITY = 3, /* a file differs from the digest that the manifest gives */
  BITFIT_SELF_TEST = 4,      /* this machine's kernels do not compute what the export computed */
  BITFIT_INFERENCE = 5,      /* ONNX Runtime failed while it ran the graph */
  BITFIT_PACK_NOT_FOUND = 6, /* no such file, or it cannot be read */
  BITFIT_PACK_FORMAT = 7,    /* truncated, altered, not finite, over a limit, or of a newer schema */
  BITFIT_PACK_MISMATCH = 8,  /* made for another base */
  BITFIT_PACK_DIGEST = 9,    /* not the pack whose digest the caller gave */
  BITFIT_CANARY = 10,        /* it does not compute here what it computed for its publisher */
  BITFIT_UNKNOWN_TASK = 11,  /* no pack is installed under that name */
  BITFIT_INPUT = 12,         /* the caller's arguments are not what the function takes */
  BITFIT_UNSUPPORTED = 13,   /* a base that this runtime cannot answer as Python does, such as its tokenizer */
  BITFIT_OUT_OF_MEMORY = 14,
  BITFIT_INTERNAL = 15 /* a fault of this library */
} bitfit_status;

typedef enum bitfit_self_test { BITFIT_TEST_OFF = 0, BITFIT_TEST_QUICK = 1, BITFIT_TEST_FULL = 2 } bitfit_self_test;

typedef enum bitfit_task_type {
  BITFIT_CLASSIFICATION = 0,
  BITFIT_MULTI_LABEL = 1,
  BITFIT_REGRESSION = 2,
  BITFIT_TOKEN_CLASSIFICATION = 3,
  BITFIT_SPAN = 4,
  BITFIT_EMBEDDING = 5
} bitfit_task_type;

/* What `bitfit_outputs` gives of a row. */
typedef enum bitfit_output {
  BITFIT_LOGITS = 0, /* [1, labels], or [tokens, labels] where the task labels tokens */
  BITFIT_POOLED = 1, /* [1, hidden]; of the bare base where the row has no task */
  BITFIT_HIDDEN = 2  /* [tokens, hidden], likewise */
} bitfit_output;

typedef struct bitfit_engine bitfit_engine;
typedef struct bitfit_answers bitfit_answers;

typedef struct bitfit_options {
  size_t struct_size;         /* set by BITFIT_OPTIONS */
  int threads;                /* inside one operator; 0 is one for each core */
  int verify;                 /* compare every file of the base with its digest */
  bitfit_self_test self_test; /* prove that bias inputs are honoured: all together, or each by itself */
} bitfit_options;

/* The options that a null pointer stands for. */
#define BITFIT_OPTIONS {sizeof(bitfit_options), 0, 1, BITFIT_TEST_QUICK}

typedef struct bitfit_row {
  const char *task; /* the name of an installed pack, ending with a zero; null in `bitfit_outputs` for the bare base */
  const char *text;
  size_t text_size;
  const char *pair; /* the second text of a pair, or null */
  size_t pair_size;
} bitfit_row;

/* A piece of a text; `label` is null for the answer of a span task. */
typedef struct bitfit_piece {
  const char *label;
  size_t start, end;                     /* bytes; the end is exclusive */
  size_t start_character, end_character; /* code points */
  double probability;
} bitfit_piece;

typedef struct bitfit_answer {
  bitfit_task_type type;
  int truncated; /* the text was longer than the pack reads, and was cut */
  int accepted;  /* 1 or 0 where the pack's decisions say so, else -1 */
  int has_outlier;
  double outlier; /* how unlike the text is to those of the classes */
  size_t label_count;
  const char *const *labels;
  const double *probabilities; /* of each label: classification, multi-label */
  size_t best;                 /* classification: the index of the most probable label */
  const uint8_t *chosen;       /* multi-label: 1 for each label that is chosen */
  double value;                /* regression */
  size_t piece_count;
  const bitfit_piece *pieces; /* token classification: entities; span: one piece, empty where there is none */
  size_t rows, columns;       /* embedding and `bitfit_outputs` */
  const float *values;
} bitfit_answer;

/* Load the base in a folder. `options` may be null. Give the engine back to `bitfit_close`. */
BITFIT_API bitfit_status bitfit_open(const char *folder, const bitfit_options *options, bitfit_engine **engine);

/* Close an engine; null is nothing. */
BITFIT_API void bitfit_close(bitfit_engine *engine);

/* Install the pack in a file under a task's name, in place of the one that was there. `sha256` is the digest that the
 * file must have, 64 hexadecimal digits ending with a zero, or null. */
BITFIT_API bitfit_status bitfit_install(bitfit_engine *engine, const char *task, const char *path, const char *sha256);

/* Install a pack from memory. */
BITFIT_API bitfit_status bitfit_install_bytes(bitfit_engine *engine, const char *task, const void *data, size_t size,
                                              const char *sha256);

/* Compare a pack's answers here with its canary, without installing it; a pack without a canary passes. For packs that
 * come from elsewhere, before they replace one. */
BITFIT_API bitfit_status bitfit_check_canary(bitfit_engine *engine, const void *data, size_t size);

/* Remove a task. */
BITFIT_API bitfit_status bitfit_remove(bitfit_engine *engine, const char *task);

/* Answer rows, each by its own task. Give the answers back to `bitfit_release`. */
BITFIT_API bitfit_status bitfit_predict(bitfit_engine *engine, const bitfit_row *rows, size_t count,
                                        bitfit_answers **answers);

/* Give an output of the graph as it is, for each row, in `rows`, `columns` and `values`. */
BITFIT_API bitfit_status bitfit_outputs(bitfit_engine *engine, const bitfit_row *rows, size_t count,
                                        bitfit_output output, bitfit_answers **answers);

/* The answer to a row; null past the last. It lives as long as the answers do. */
BITFIT_API const bitfit_answer *bitfit_answer_at(const bitfit_answers *answers, size_t row);

/* Release answers and all that they point to; null is nothing. */
BITFIT_API void bitfit_release(bitfit_answers *answers);

/* The kernel fingerprint: engines on a base that have the same 16 digits answer alike to the bit. */
BITFIT_API bitfit_status bitfit_kernels(bitfit_engine *engine, char digits[17]);

/* What the last function on this thread that failed has to say, in UTF-8; it lives until the next that fails here. */
BITFIT_API const char *bitfit_error(void);

#ifdef __cplusplus
}
#endif
#endif
