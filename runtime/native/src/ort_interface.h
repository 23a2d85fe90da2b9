/* The part of ONNX Runtime's C interface that this library calls. The interface is a table of functions whose places
 * never change from release to release; this header names the places that are used, and skips the others by number.
 * Where an SDK has the official header, -DBITFIT_ORT_HEADER=ON takes that one instead. */
#ifndef BITFIT_ORT_INTERFACE_H
#define BITFIT_ORT_INTERFACE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define ORT_API_CALL __stdcall
typedef wchar_t ORTCHAR_T;
#else
#define ORT_API_CALL
typedef char ORTCHAR_T;
#endif

typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtValue OrtValue;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtModelMetadata OrtModelMetadata;

/* The first members of an allocator, all that is used of it. */
typedef struct OrtAllocator {
  uint32_t version;
  void *(ORT_API_CALL *Alloc)(struct OrtAllocator *self, size_t size);
  void(ORT_API_CALL *Free)(struct OrtAllocator *self, void *block);
} OrtAllocator;

typedef enum OrtLoggingLevel { ORT_LOGGING_LEVEL_ERROR = 3 } OrtLoggingLevel;
typedef enum OrtAllocatorType { OrtArenaAllocator = 1 } OrtAllocatorType;
typedef enum OrtMemType { OrtMemTypeDefault = 0 } OrtMemType;
typedef enum ONNXTensorElementDataType {
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT = 1,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 = 6,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 = 7
} ONNXTensorElementDataType;

typedef void(ORT_API_CALL *OrtUnused)(void);

/* Comments are the place of the member below them. */
typedef struct OrtApi {
  OrtUnused unused_0[2];
  /* 2 */
  const char *(ORT_API_CALL *GetErrorMessage)(const OrtStatus *status);
  OrtStatus *(ORT_API_CALL *CreateEnv)(OrtLoggingLevel level, const char *name, OrtEnv **env);
  OrtUnused unused_4[3];
  /* 7 */
  OrtStatus *(ORT_API_CALL *CreateSession)(const OrtEnv *env, const ORTCHAR_T *path, const OrtSessionOptions *options,
                                           OrtSession **session);
  OrtStatus *(ORT_API_CALL *CreateSessionFromArray)(const OrtEnv *env, const void *data, size_t size,
                                                    const OrtSessionOptions *options, OrtSession **session);
  OrtStatus *(ORT_API_CALL *Run)(OrtSession *session, const OrtRunOptions *options, const char *const *input_names,
                                 const OrtValue *const *inputs, size_t input_count, const char *const *output_names,
                                 size_t output_count, OrtValue **outputs);
  OrtStatus *(ORT_API_CALL *CreateSessionOptions)(OrtSessionOptions **options);
  OrtUnused unused_11[11];
  /* 22 */
  OrtStatus *(ORT_API_CALL *SetSessionLogSeverityLevel)(OrtSessionOptions *options, int level);
  OrtUnused unused_23;
  /* 24 */
  OrtStatus *(ORT_API_CALL *SetIntraOpNumThreads)(OrtSessionOptions *options, int threads);
  OrtUnused unused_25[5];
  /* 30 */
  OrtStatus *(ORT_API_CALL *SessionGetInputCount)(const OrtSession *session, size_t *count);
  OrtUnused unused_31;
  /* 32 */
  OrtStatus *(ORT_API_CALL *SessionGetOverridableInitializerCount)(const OrtSession *session, size_t *count);
  OrtUnused unused_33[3];
  /* 36 */
  OrtStatus *(ORT_API_CALL *SessionGetInputName)(const OrtSession *session, size_t index, OrtAllocator *allocator,
                                                 char **name);
  OrtUnused unused_37;
  /* 38 */
  OrtStatus *(ORT_API_CALL *SessionGetOverridableInitializerName)(const OrtSession *session, size_t index,
                                                                  OrtAllocator *allocator, char **name);
  OrtUnused unused_39[10];
  /* 49 */
  OrtStatus *(ORT_API_CALL *CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo *info, void *data, size_t size,
                                                            const int64_t *shape, size_t dimensions,
                                                            ONNXTensorElementDataType type, OrtValue **value);
  OrtUnused unused_50;
  /* 51 */
  OrtStatus *(ORT_API_CALL *GetTensorMutableData)(OrtValue *value, void **data);
  OrtUnused unused_52[9];
  /* 61 */
  OrtStatus *(ORT_API_CALL *GetDimensionsCount)(const OrtTensorTypeAndShapeInfo *info, size_t *count);
  OrtStatus *(ORT_API_CALL *GetDimensions)(const OrtTensorTypeAndShapeInfo *info, int64_t *shape, size_t count);
  OrtUnused unused_63[2];
  /* 65 */
  OrtStatus *(ORT_API_CALL *GetTensorTypeAndShape)(const OrtValue *value, OrtTensorTypeAndShapeInfo **info);
  OrtUnused unused_66[3];
  /* 69 */
  OrtStatus *(ORT_API_CALL *CreateCpuMemoryInfo)(OrtAllocatorType allocator, OrtMemType type, OrtMemoryInfo **info);
  OrtUnused unused_70[8];
  /* 78 */
  OrtStatus *(ORT_API_CALL *GetAllocatorWithDefaultOptions)(OrtAllocator **allocator);
  OrtUnused unused_79[13];
  /* 92 */
  void(ORT_API_CALL *ReleaseEnv)(OrtEnv *env);
  void(ORT_API_CALL *ReleaseStatus)(OrtStatus *status);
  void(ORT_API_CALL *ReleaseMemoryInfo)(OrtMemoryInfo *info);
  void(ORT_API_CALL *ReleaseSession)(OrtSession *session);
  void(ORT_API_CALL *ReleaseValue)(OrtValue *value);
  OrtUnused unused_97[2];
  /* 99 */
  void(ORT_API_CALL *ReleaseTensorTypeAndShapeInfo)(OrtTensorTypeAndShapeInfo *info);
  void(ORT_API_CALL *ReleaseSessionOptions)(OrtSessionOptions *options);
  OrtUnused unused_101[10];
  /* 111 */
  OrtStatus *(ORT_API_CALL *SessionGetModelMetadata)(const OrtSession *session, OrtModelMetadata **metadata);
  OrtUnused unused_112[4];
  /* 116 */
  OrtStatus *(ORT_API_CALL *ModelMetadataLookupCustomMetadataMap)(const OrtModelMetadata *metadata,
                                                                  OrtAllocator *allocator, const char *key,
                                                                  char **value);
  OrtUnused unused_117;
  /* 118 */
  void(ORT_API_CALL *ReleaseModelMetadata)(OrtModelMetadata *metadata);
  OrtUnused unused_119[11];
  /* 130 */
  OrtStatus *(ORT_API_CALL *AddSessionConfigEntry)(OrtSessionOptions *options, const char *key, const char *value);
} OrtApi;

typedef struct OrtApiBase {
  const OrtApi *(ORT_API_CALL *GetApi)(uint32_t version);
  const char *(ORT_API_CALL *GetVersionString)(void);
} OrtApiBase;

const OrtApiBase *ORT_API_CALL OrtGetApiBase(void);

#ifdef __cplusplus
}
#endif
#endif
