/* Answer texts with a pack: answer BASE PACK TEXT…
 *
 * cc examples/c/answer.c -Iruntime/native/include -Lbuild -lbitfit -Wl,-rpath,build -Wl,-rpath-link,build/lib -o answer
 */
#include <bitfit.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *what) {
  fprintf(stderr, "%s: %s\n", what, bitfit_error());
  return 1;
}

static void print_answer(const bitfit_answer *answer, const char *text) {
  switch (answer->type) {
    case BITFIT_CLASSIFICATION:
      printf("%s %.3f\n", answer->labels[answer->best], answer->probabilities[answer->best]);
      break;
    case BITFIT_MULTI_LABEL:
      for (size_t label = 0; label < answer->label_count; ++label) {
        if (answer->chosen[label]) printf("%s ", answer->labels[label]);
      }
      printf("\n");
      break;
    case BITFIT_REGRESSION:
      printf("%.3f\n", answer->value);
      break;
    case BITFIT_EMBEDDING:
      printf("%zu numbers, the first is %.3f\n", answer->columns, (double)answer->values[0]);
      break;
    default:
      for (size_t index = 0; index < answer->piece_count; ++index) {
        const bitfit_piece *piece = &answer->pieces[index];
        printf("%s%s%.*s\n", piece->label ? piece->label : "", piece->label ? ": " : "", (int)(piece->end - piece->start),
               text + piece->start);
      }
  }
}

int main(int count, char **arguments) {
  bitfit_engine *engine = NULL;
  bitfit_options options = BITFIT_OPTIONS;
  options.threads = 1;
  if (count < 4) {
    fprintf(stderr, "answer BASE PACK TEXT…\n");
    return 2;
  }
  if (bitfit_open(arguments[1], &options, &engine) != BITFIT_OK) return failed("the base");
  if (bitfit_install(engine, "task", arguments[2], NULL) != BITFIT_OK) return failed("the pack");
  for (int index = 3; index < count; ++index) {
    const char *text = arguments[index];
    const bitfit_row row = {"task", text, strlen(text), NULL, 0};
    bitfit_answers *answers = NULL;
    if (bitfit_predict(engine, &row, 1, &answers) != BITFIT_OK) return failed("the text");
    print_answer(bitfit_answer_at(answers, 0), text);
    bitfit_release(answers);
  }
  bitfit_close(engine);
  return 0;
}
