declare module "*.so" {
  const path: string;
  export default path;
}

declare module "*/target/nvidia-smi" {
  const path: string;
  export default path;
}

declare module "*/target/launcher" {
  const path: string;
  export default path;
}
