// The Java class over bitfit.h. Texts come as bytes of UTF-8, since JNI's own strings are not UTF-8.
#include <jni.h>

#include <string>
#include <vector>

#include "bitfit.h"

namespace {

// The parts of an answer, in the order in which Engine.java takes them apart.
constexpr jsize answer_parts = 8;

std::string bytes_of(JNIEnv* env, jbyteArray array) {
  std::string found(static_cast<std::size_t>(env->GetArrayLength(array)), '\0');
  env->GetByteArrayRegion(array, 0, static_cast<jsize>(found.size()), reinterpret_cast<jbyte*>(found.data()));
  return found;
}

jbyteArray to_bytes(JNIEnv* env, const char* text) {
  const auto size = static_cast<jsize>(std::char_traits<char>::length(text));
  jbyteArray found = env->NewByteArray(size);
  if (found != nullptr) env->SetByteArrayRegion(found, 0, size, reinterpret_cast<const jbyte*>(text));
  return found;
}

jdoubleArray to_doubles(JNIEnv* env, const std::vector<double>& numbers) {
  jdoubleArray found = env->NewDoubleArray(static_cast<jsize>(numbers.size()));
  if (found != nullptr) env->SetDoubleArrayRegion(found, 0, static_cast<jsize>(numbers.size()), numbers.data());
  return found;
}

jlongArray to_longs(JNIEnv* env, const std::vector<jlong>& numbers) {
  jlongArray found = env->NewLongArray(static_cast<jsize>(numbers.size()));
  if (found != nullptr) env->SetLongArrayRegion(found, 0, static_cast<jsize>(numbers.size()), numbers.data());
  return found;
}

jobjectArray to_texts(JNIEnv* env, const std::vector<const char*>& texts) {
  jobjectArray found = env->NewObjectArray(static_cast<jsize>(texts.size()), env->FindClass("[B"), nullptr);
  for (std::size_t index = 0; found != nullptr && index < texts.size(); ++index) {
    jbyteArray text = texts[index] == nullptr ? nullptr : to_bytes(env, texts[index]);
    env->SetObjectArrayElement(found, static_cast<jsize>(index), text);
    env->DeleteLocalRef(text);
  }
  return found;
}

std::vector<jobject> parts_of(JNIEnv* env, const bitfit_answer& answer) {
  std::vector<double> probabilities;
  if (answer.probabilities != nullptr)
    probabilities.assign(answer.probabilities, answer.probabilities + answer.label_count);
  std::vector<jlong> chosen;
  for (std::size_t label = 0; answer.chosen != nullptr && label < answer.label_count; ++label)
    chosen.push_back(answer.chosen[label]);
  std::vector<const char*> names;
  std::vector<jlong> places;
  std::vector<double> sureness;
  for (std::size_t index = 0; index < answer.piece_count; ++index) {
    names.push_back(answer.pieces[index].label);
    places.push_back(static_cast<jlong>(answer.pieces[index].start));
    places.push_back(static_cast<jlong>(answer.pieces[index].end));
    sureness.push_back(answer.pieces[index].probability);
  }
  const std::vector<jlong> head{answer.type,
                                answer.truncated,
                                answer.accepted,
                                answer.has_outlier,
                                static_cast<jlong>(answer.best),
                                static_cast<jlong>(answer.rows),
                                static_cast<jlong>(answer.columns)};
  const auto size = static_cast<jsize>(answer.rows * answer.columns);
  jfloatArray values = env->NewFloatArray(size);
  if (values != nullptr && size > 0) env->SetFloatArrayRegion(values, 0, size, answer.values);
  probabilities.insert(probabilities.begin(), {answer.outlier, answer.value});
  return {to_longs(env, head),
          to_doubles(env, probabilities),
          to_texts(env, {answer.labels, answer.labels + answer.label_count}),
          to_longs(env, chosen),
          to_texts(env, names),
          to_longs(env, places),
          to_doubles(env, sureness),
          values};
}

// The rows of a call, with the bytes that they point to.
struct Rows {
  std::vector<std::string> tasks, texts, pairs;
  std::vector<bitfit_row> rows;

  Rows(JNIEnv* env, jobjectArray from_tasks, jobjectArray from_texts, jobjectArray from_pairs) {
    const jsize count = env->GetArrayLength(from_texts);
    for (auto* list : {&tasks, &texts, &pairs}) list->resize(static_cast<std::size_t>(count));
    for (jsize index = 0; index < count; ++index) {
      const auto own = static_cast<std::size_t>(index);
      const bool tasked = read(env, from_tasks, index, tasks[own]), paired = read(env, from_pairs, index, pairs[own]);
      read(env, from_texts, index, texts[own]);
      rows.push_back({tasked ? tasks[own].c_str() : nullptr, texts[own].data(), texts[own].size(),
                      paired ? pairs[own].data() : nullptr, pairs[own].size()});
    }
  }

  static bool read(JNIEnv* env, jobjectArray from, jsize index, std::string& into) {
    auto* bytes = static_cast<jbyteArray>(env->GetObjectArrayElement(from, index));
    if (bytes == nullptr) return false;
    into = bytes_of(env, bytes);
    env->DeleteLocalRef(bytes);
    return true;
  }
};

bitfit_engine* engine_of(jlong handle) { return reinterpret_cast<bitfit_engine*>(handle); }

}  // namespace

extern "C" {

JNIEXPORT jint JNICALL Java_edge_bitfit_Engine_open(JNIEnv* env, jclass, jbyteArray folder, jint threads, jint test,
                                                    jlongArray into) {
  bitfit_options options = BITFIT_OPTIONS;
  options.threads = threads;
  options.self_test = static_cast<bitfit_self_test>(test);
  bitfit_engine* engine = nullptr;
  const bitfit_status status = bitfit_open(bytes_of(env, folder).c_str(), &options, &engine);
  const auto handle = reinterpret_cast<jlong>(engine);
  env->SetLongArrayRegion(into, 0, 1, &handle);
  return status;
}

JNIEXPORT void JNICALL Java_edge_bitfit_Engine_close(JNIEnv*, jclass, jlong engine) { bitfit_close(engine_of(engine)); }

JNIEXPORT jint JNICALL Java_edge_bitfit_Engine_install(JNIEnv* env, jclass, jlong engine, jbyteArray task,
                                                       jbyteArray data, jbyteArray sha256) {
  const std::string pack = bytes_of(env, data), digest = sha256 == nullptr ? "" : bytes_of(env, sha256);
  return bitfit_install_bytes(engine_of(engine), bytes_of(env, task).c_str(), pack.data(), pack.size(),
                              sha256 == nullptr ? nullptr : digest.c_str());
}

JNIEXPORT jint JNICALL Java_edge_bitfit_Engine_checkCanary(JNIEnv* env, jclass, jlong engine, jbyteArray data) {
  const std::string pack = bytes_of(env, data);
  return bitfit_check_canary(engine_of(engine), pack.data(), pack.size());
}

JNIEXPORT jint JNICALL Java_edge_bitfit_Engine_remove(JNIEnv* env, jclass, jlong engine, jbyteArray task) {
  return bitfit_remove(engine_of(engine), bytes_of(env, task).c_str());
}

// `output` is -1 for answers, else one of bitfit_output.
JNIEXPORT jint JNICALL Java_edge_bitfit_Engine_run(JNIEnv* env, jclass, jlong engine, jobjectArray tasks,
                                                   jobjectArray texts, jobjectArray pairs, jint output,
                                                   jobjectArray into) {
  const Rows rows(env, tasks, texts, pairs);
  bitfit_answers* answers = nullptr;
  const bitfit_status status = output < 0
                                   ? bitfit_predict(engine_of(engine), rows.rows.data(), rows.rows.size(), &answers)
                                   : bitfit_outputs(engine_of(engine), rows.rows.data(), rows.rows.size(),
                                                    static_cast<bitfit_output>(output), &answers);
  jclass object = env->FindClass("java/lang/Object");
  for (std::size_t row = 0; status == BITFIT_OK && row < rows.rows.size(); ++row) {
    if (env->PushLocalFrame(32) != 0) break;  // Java's own error is raised
    jobjectArray parts = env->NewObjectArray(answer_parts, object, nullptr);
    jsize place = 0;
    for (jobject part : parts_of(env, *bitfit_answer_at(answers, row)))
      env->SetObjectArrayElement(parts, place++, part);
    env->SetObjectArrayElement(into, static_cast<jsize>(row), parts);
    env->PopLocalFrame(nullptr);
    if (env->ExceptionCheck()) break;
  }
  bitfit_release(answers);
  return status;
}

JNIEXPORT jbyteArray JNICALL Java_edge_bitfit_Engine_error(JNIEnv* env, jclass) {
  return to_bytes(env, bitfit_error());
}

}  // extern "C"
